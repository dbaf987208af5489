"""Boot status data → how the last boots and shutdowns went, power transitions, power button.

Source: RTL_BSD_DATA (`bootstat.dat`) as ReactOS `rtltypes.h` and phnt name its fields, offsets after ntoseye
`blackbox.rs` (MIT), checked against the sample output of Microsoft's page "!blackboxbsd" and the corpus.

Folklore: the first number is called version and is the structure's size: 0x88 (10 1803), 0xb0 (10 2004), 0xc0 (11
21H2), 0xc8 (11 24H2) in the corpus.  After 0x88, 16 bytes came in behind the power button's flags (a real machine has a
time-based GUID there, with its MAC address: not shown), so the release fields lie at 0x68 or at 0x78.  The feature
state moved from 0xa8 to 0xb8 in the same way; ntoseye reads both at the later place only.
"""

from __future__ import annotations

from bugcheck.binary import BinaryView
from bugcheck.errors import CorruptDump
from bugcheck.machine.blackbox.stream import Decoded, time_at

SIZE_FIRST = 0x40
SIZE_ERROR_INFO = 0x58
SIZE_POWER_BUTTON = 0x88
SIZE_WIDE_POWER_BUTTON = 0x98
SIZE_EXTENSION = 0xA8
SIZE_FEATURE_STATE = 0xB0
SIZE_WIDE_EXTENSION = 0xC0
PRODUCT_TYPES = {1: "workstation", 2: "domain controller", 3: "server"}
FEATURE_STATES = ("uninitialized", "boot pending", "last known good pending", "rollback pending", "committed")


def decode(view: BinaryView, pointer_size: int) -> Decoded:
    """Decode boot status data. Raises CorruptDump for a size no Windows with this stream writes."""
    del pointer_size
    extent = min(view.u32(0), view.size)
    if extent < SIZE_FIRST:
        raise CorruptDump(view.name, f"boot status data of {extent:#x} bytes, too old or damaged", 0)
    fields = _boots(view)
    fields["power_transition"] = _power_transition(view)
    if extent >= SIZE_ERROR_INFO:
        fields["error_info"] = _error_info(view)
    if extent >= SIZE_POWER_BUTTON:
        fields["power_button"] = _power_button(view, extent)
    if extent >= SIZE_EXTENSION:
        flags = view.u8(0x99)
        fields["setup_in_progress"] = bool(flags & 1)
        fields["oobe_in_progress"] = bool(flags & 2)
    if extent >= SIZE_FEATURE_STATE:
        state = view.u32(0xB8 if extent >= SIZE_WIDE_EXTENSION else 0xA8)
        fields["feature_configuration"] = FEATURE_STATES[state] if state < len(FEATURE_STATES) else state
    return Decoded(fields, _summary(view))


def _boots(view: BinaryView) -> dict[str, object]:
    product = view.u32(0x04)
    return {
        "version": view.u32(0x00),
        "product_type": PRODUCT_TYPES.get(product, product),
        "auto_advanced_boot": bool(view.u8(0x08)),
        "advanced_boot_menu_timeout": view.u8(0x09),
        "last_boot_succeeded": bool(view.u8(0x0A)),
        "last_boot_shutdown": bool(view.u8(0x0B)),
        "sleep_in_progress": bool(view.u8(0x0C)),
        "boot_attempt_count": view.u8(0x30),
        "last_boot_checkpoint": bool(view.u8(0x31)),
        "last_boot_id": view.u32(0x34),
        "last_successful_shutdown_boot_id": view.u32(0x38),
        "last_reported_abnormal_shutdown_boot_id": view.u32(0x3C),
    }


def _power_transition(view: BinaryView) -> dict[str, object]:
    flags = view.u8(0x18)
    return {
        "power_button_time": time_at(view, 0x10),
        "system_running": bool(flags & 1),
        "connected_standby_in_progress": bool(flags & 2),
        "user_shutdown_in_progress": bool(flags & 4),
        "system_shutdown_in_progress": bool(flags & 8),
        "sleep_in_progress": flags >> 4,
        "connected_standby_scenario_instance_id": view.u8(0x19),
        "connected_standby_entry_reason": view.u8(0x1A) & 0x3F,
        "connected_standby_exit_reason": view.u8(0x1B) & 0x3F,
        "system_sleep_transitions_to_on": view.u16(0x1C),
        "last_reference_time": time_at(view, 0x20),
        "last_update_boot_id": view.u32(0x2C),
    }


def _error_info(view: BinaryView) -> dict[str, object]:
    boot_id, repeats, others, code, status = view.unpack("5I", 0x40)
    return {
        "boot_id": boot_id,
        "repeat_count": repeats,
        "other_error_count": others,
        "code": code,
        "status": status,
    }


def _power_button(view: BinaryView, extent: int) -> dict[str, object]:
    released = 0x78 if extent >= SIZE_WIDE_POWER_BUTTON else 0x68
    flags = view.u8(0x67)
    return {
        "last_press_time": time_at(view, 0x58),
        "cumulative_press_count": view.u32(0x60),
        "last_press_boot_id": view.u16(0x64),
        "last_power_watchdog_stage": view.u8(0x66),
        "watchdog_armed": bool(flags & 1),
        "shutdown_in_progress": bool(flags & 2),
        "last_release_time": time_at(view, released),
        "cumulative_release_count": view.u32(released + 0x08),
        "last_release_boot_id": view.u16(released + 0x0C),
        "error_count": view.u16(released + 0x0E),
        "current_connected_standby_phase": view.u8(released + 0x10),
        "transition_latest_checkpoint_id": view.u32(released + 0x14),
        "transition_latest_checkpoint_type": view.u32(released + 0x18),
        "transition_latest_checkpoint_sequence_number": view.u32(released + 0x1C),
    }


def _summary(view: BinaryView) -> str:
    attempts = view.u8(0x30)
    parts = [f"boot {view.u32(0x34)}" + (f" (attempt {attempts})" if attempts > 1 else "")]
    if not view.u8(0x0A):
        parts.append("not marked as succeeded")
    parts.append(f"last clean shutdown in boot {view.u32(0x38)}")
    parts.append(f"last abnormal shutdown reported for boot {view.u32(0x3C)}")
    return ", ".join(parts)
