"""The story's two servers → what an administrator collects of them: software, services, tasks, drivers, antivirus logs.

Source: the layouts of regedit's exports, `sc query`, `schtasks /query /fo csv /v`, `driverquery /fo csv /v` (Microsoft)
and of Symantec AntiVirus' log (TECH100099): a time of six bytes in hexadecimal, then comma-separated fields.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bugcheck.synth.story_facts import STOPS, TREATED, A, B, Server, Turns, days, updates

_UNINSTALL = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"


def software(server: Server, turns: Turns) -> bytes:
    """An export of the uninstall keys, as regedit writes it."""
    products = [("Symantec AntiVirus Server", turns.version(server), "Symantec Corporation")]
    if server is A:
        products.append(("BlackICE Server Protection", "3.6.cbd", "Internet Security Systems, Inc."))
    products += [("LiveUpdate (Symantec Corporation)", "2.6.18.0", "Symantec Corporation")]
    products += [("WinRAR archiver", "3.51", "RARLAB")]
    lines = ["Windows Registry Editor Version 5.00", "", f"[{_UNINSTALL}]", ""]
    for number, (name, version, vendor) in enumerate(products):
        lines += [f"[{_UNINSTALL}\\{{{0xC0FFEE00 + number:08X}}}]", f'"DisplayName"="{name}"']
        lines += [f'"DisplayVersion"="{version}"', f'"Publisher"="{vendor}"', '"InstallDate"="20051108"', ""]
    return _utf16("\n".join(lines))


def time_zone() -> bytes:
    """An export of the TimeZoneInformation key: China Standard Time, without daylight saving."""
    key = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation"
    zeros = ",".join(["00"] * 16)
    lines = [
        "Windows Registry Editor Version 5.00", "", f"[{key}]", '"Bias"=dword:fffffe20',
        '"StandardName"="China Standard Time"', '"StandardBias"=dword:00000000', f'"StandardStart"=hex:{zeros}',
        '"DaylightName"="China Standard Time"', '"DaylightBias"=dword:00000000', f'"DaylightStart"=hex:{zeros}',
        '"ActiveTimeBias"=dword:fffffe20', "",
    ]  # fmt: skip
    return _utf16("\n".join(lines))


def _utf16(text: str) -> bytes:
    return b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le")


def services(server: Server) -> str:
    """Output of `sc query state= all`."""
    found = [("Symantec AntiVirus", "Symantec AntiVirus", True), ("DefWatch", "Symantec Definition Watcher", True)]
    found += [("lanmanserver", "Server", True), ("W32Time", "Windows Time", True), ("Spooler", "Print Spooler", True)]
    if server is A:
        found += [("BlackICE", "BlackICE", True), ("RapApp", "RapApp", True)]
    else:
        found += [("DNS", "DNS Server", False), ("DHCPServer", "DHCP Server", False)]
    blocks: list[str] = []
    for name, shown, running in found:
        state = "4  RUNNING" if running else "1  STOPPED"
        accepts = "(STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)" if running else ""
        blocks.append(
            f"\nSERVICE_NAME: {name}\nDISPLAY_NAME: {shown}\n        TYPE               : 10  WIN32_OWN_PROCESS  \n"
            f"        STATE              : {state} \n                                {accepts}\n"
            "        WIN32_EXIT_CODE    : 0  (0x0)\n        SERVICE_EXIT_CODE  : 0  (0x0)\n"
            "        CHECKPOINT         : 0x0\n        WAIT_HINT          : 0x0\n"
        )
    return "".join(blocks)


def tasks(server: Server) -> str:
    """Output of `schtasks /query /fo csv /v`, kept from before the copies were removed."""
    other = B if server is A else A
    before = TREATED - timedelta(hours=1)
    last = before.replace(hour=1, minute=0, second=0)
    names = (
        "HostName", "TaskName", "Next Run Time", "Status", "Logon Mode", "Last Run Time", "Last Result", "Creator",
        "Schedule", "Task To Run", "Start In", "Comment", "Scheduled Task State", "Scheduled Type", "Start Time",
        "Start Date", "End Date", "Days", "Months", "Run As User",
    )  # fmt: skip
    command = f"robocopy \\\\{other.computer}\\data D:\\mirror\\{other.computer} /MIR"
    row = (
        server.computer, f"copy from {other.computer}", f"{last + timedelta(days=1):%Y-%m-%d %H:%M:%S}", "",
        "Interactive/Background", f"{last:%Y-%m-%d %H:%M:%S}", "0", "administrator", "At 01:00 every day", command,
        "N/A", "N/A", "Enabled", "Daily", "01:00:00", "2005-11-10", "N/A", "Everyday", "N/A", "OFFICE\\copyjob",
    )  # fmt: skip
    return "".join(",".join(f'"{cell}"' for cell in cells) + "\n" for cells in (names, row))


def drivers() -> str:
    """Output of `driverquery /fo csv /v` of A."""
    names = ("Module Name", "Display Name", "Driver Type", "Start Mode", "State", "Link Date", "Path")
    rows = (
        ("ACPI", "Microsoft ACPI Driver", "Kernel", "Boot", "Running", "2005-03-25 10:04:21", "System32\\ACPI.sys"),
        ("disk", "Disk Driver", "Kernel", "Boot", "Running", "2005-03-25 10:03:41", "System32\\disk.sys"),
        (
            "RapDrv", "RapDrv", "Kernel", "Manual", "Running", "2003-10-25 07:57:03",
            "C:\\Program Files\\ISS\\BlackICE\\RapDrv.sys",
        ),
        (
            "SAVRT", "SAVRT", "File System", "Manual", "Running", "2004-07-13 06:05:58",
            "C:\\Program Files\\Symantec AntiVirus\\savrt.sys",
        ),
        ("Tcpip", "TCP/IP", "Kernel", "System", "Running", "2005-03-25 08:39:11", "System32\\tcpip.sys"),
    )  # fmt: skip
    return "".join(",".join(f'"{cell}"' for cell in cells) + "\n" for cells in (names, *rows))


def antivirus_log(server: Server, turns: Turns) -> str:
    """Symantec AntiVirus' own log of a server."""
    lines: list[tuple[datetime, int, str]] = []
    for number, day in enumerate(days()):
        lines += [(day + timedelta(hours=22), 3, "Scan started on selected drives and folders and all extensions.")]
        told = "Scan Complete:  Threats: 0   Scanned: 71204   Files/Folders/Drives Omitted: 112"
        lines += [(day + timedelta(hours=22, minutes=48), 2, told)]
        if number % 7 == 5:
            at, version = day + timedelta(hours=2, minutes=31), f"80{day:%m%d}a"
            lines += [(at, 16, f"LiveUpdate: virus definition file {version} was downloaded.")]
            lines += [(at + timedelta(minutes=1), 7, f"New virus definition file loaded. Version: {version}.")]
    for sent, loaded in updates() if server is A else ():
        lines += [(sent, 16, f"Update of virus definitions and program files from server {B.computer}.")]
        lines += [(loaded, 7, f"New virus definition file loaded. Version: 80{loaded:%m%d}b.")]
    up = [
        (stop.time + timedelta(minutes=3), 14, "Symantec AntiVirus services startup was successful.") for stop in STOPS
    ]
    lines += up if server is A else []
    return "".join(_antivirus_line(server, turns, *line) for line in sorted(lines))


def _antivirus_line(server: Server, turns: Turns, time: datetime, event: int, told: str) -> str:
    digits = bytes((time.year - 1970, time.month - 1, time.day, time.hour, time.minute, time.second)).hex().upper()
    cells = [digits, str(event), "3", "8", server.computer, "SYSTEM", *[""] * 6, "16777216", f'"{told}"', "0"]
    cells += [""] * (36 - len(cells)) + ["OFFICE", "02:00:5E:10:00:00", turns.version(server)]
    if event == 16 and B.computer in told:
        cells[31] = B.computer
    return ",".join(cells) + "," * 20 + "\n"
