"""A version → a `.rsrc` section with one VS_VERSIONINFO.

Source: "VS_VERSIONINFO", "VS_FIXEDFILEINFO", "StringFileInfo" on Microsoft Learn; resource directories in the PE
specification (type 16, name 1, language 0x409).
"""

from bugcheck.synth.record import Record, align_up, padded


def fixed_file_info(version: tuple[int, int, int, int]) -> bytes:
    """VS_FIXEDFILEINFO, 0x34 bytes, with file and product version equal."""
    high, low = version[0] << 16 | version[1], version[2] << 16 | version[3]
    record = Record(0x34)
    for offset, value in (
        (0x00, 0xFEEF04BD),
        (0x04, 0x00010000),
        (0x08, high),
        (0x0C, low),
        (0x10, high),
        (0x14, low),
        (0x18, 0x3F),
        (0x20, 0x00040004),  # VOS_NT_WINDOWS32
        (0x24, 3),  # VFT_DRV
        (0x28, 7),  # VFT2_DRV_SYSTEM
    ):
        record.u32(offset, value)
    return record.done()


def build_version_resource(rva: int, version: tuple[int, int, int, int], name: str) -> bytes:
    """The section's bytes when it lies at `rva`."""
    info = _version_info(version, name)
    record = Record(0x58 + len(info))
    for at, identifier, target in ((0x00, 16, 0x80000018), (0x18, 1, 0x80000030), (0x30, 0x409, 0x48)):
        record.u16(at + 0x0E, 1)  # NumberOfIdEntries
        record.u32(at + 0x10, identifier)
        record.u32(at + 0x14, target)
    record.u32(0x48, rva + 0x58)
    record.u32(0x4C, len(info))
    record.u32(0x50, 1252)
    record.put(0x58, info)
    return record.done()


def _version_info(version: tuple[int, int, int, int], name: str) -> bytes:
    text = ".".join(str(part) for part in version)
    strings = {
        "CompanyName": "bugcheck synthetic",
        "FileDescription": name,
        "FileVersion": text,
        "OriginalFilename": name,
        "ProductVersion": text,
    }
    table = _block("040904b0", b"", b"".join(padded(_string(key, value), 4) for key, value in strings.items()))
    children = _block("StringFileInfo", b"", table)
    return _block("VS_VERSION_INFO", fixed_file_info(version), children, text=False)


def _string(key: str, value: str) -> bytes:
    encoded = (value + "\0").encode("utf-16-le")
    return _node(key, len(encoded) // 2, 1, encoded, b"")


def _block(key: str, value: bytes, children: bytes, text: bool = True) -> bytes:
    return _node(key, len(value), 1 if text else 0, value, children)


def _node(key: str, value_length: int, kind: int, value: bytes, children: bytes) -> bytes:
    """wLength, wValueLength, wType, key, padding to 4, value, padding to 4, children."""
    head = 6 + 2 * (len(key) + 1)
    body = bytes(align_up(head, 4) - head) + value
    if children:
        body = padded(bytes(head) + body, 4)[head:] + children
    record = Record(head + len(body))
    record.u16(0, head + len(body))
    record.u16(2, value_length)
    record.u16(4, kind)
    record.put(6, key.encode("utf-16-le"))
    record.put(head, body)
    return record.done()
