"""Windows clock values → UTC times and spans.

Source: FILETIME and KUSER_SHARED_DATA's SystemTime count 100-nanosecond intervals since 1601-01-01 UTC (Microsoft,
"FILETIME structure").  Folklore: a dump's header may hold garbage or all `PAGE` filler; such times are None, not 1601.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

TICKS_PER_SECOND = 10_000_000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_FIRST_PLAUSIBLE = 116_444_736_000_000_000  # 1970-01-01
_LAST_PLAUSIBLE = 158_464_224_000_000_000  # 2103-02-26
_FILLER = 0x4547_4150_4547_4150  # "PAGEPAGE", what an unset field of a kernel dump header holds


def from_filetime(ticks: int) -> datetime | None:
    """Convert 100 ns ticks since 1601 to a UTC time; None when the value is no time of a Windows machine."""
    if not _FIRST_PLAUSIBLE <= ticks <= _LAST_PLAUSIBLE:
        return None
    return _EPOCH + timedelta(microseconds=ticks // 10)


def from_unix(seconds: int) -> datetime | None:
    """Convert seconds since 1970 (a PE TimeDateStamp, a minidump's time) to UTC; None for 0 and 0xffffffff."""
    if seconds in (0, 0xFFFF_FFFF):
        return None
    return datetime.fromtimestamp(seconds, UTC)


def span_seconds(ticks: int) -> float | None:
    """Convert a span of 100 ns ticks to seconds; None for header filler and spans over 100 years."""
    if ticks == _FILLER or not 0 < ticks < 100 * 366 * 86400 * TICKS_PER_SECOND:
        return None
    return ticks / TICKS_PER_SECOND


def format_utc(moment: datetime | None) -> str | None:
    """Format as ISO 8601 with milliseconds and `Z`; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def format_span(seconds: float) -> str:
    """Format a span for people: `3 d 5 h 21 m`, `2 m 31 s`, `3.7 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h {minutes} m"
    return f"{hours} h {minutes} m" if hours else f"{minutes} m {rest} s"
