"""Dates and times as Windows' regional settings write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bugcheck.evidence.wall_clock import DateOrder, Dates, nearest_before, order_of_all, orders_of, read_stamp

DAY, MONTH, YEAR = DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST, DateOrder.YEAR_FIRST
EVENING = datetime(2006, 11, 1, 19, 2, 11)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("11/1/2006 7:02:11 PM", MONTH),  # United States
        ("01.11.2006 19:02:11", DAY),  # Germany
        ("01/11/2006 19:02:11", DAY),  # France, Great Britain
        ("1-11-2006 19:02:11", DAY),  # Netherlands
        ("01/11/2006 19.02.11", DAY),  # Italy
        ("2006-11-01 19:02:11", YEAR),  # Sweden
        ("2006/11/01 19:02:11", YEAR),  # Japan
        ("2006/11/1 下午 07:02:11", YEAR),  # Taiwan
        ("2006-11-01 오후 7:02:11", YEAR),  # Korea
        ("2006年11月1日 19:02:11", YEAR),  # China, long form
        ("2006. 11. 1. 오후 7:02:11", YEAR),
        ("1/11/2006 7:02:11 p. m.", DAY),  # Spain, Latin America
        ("\u200e11\u200e/\u200e1\u200e/\u200e2006 7:02:11 PM", MONTH),
        ("?11/?1/?2006 7:02:11 PM", MONTH),  # the marks in an ANSI code page
        ("7:02:11 PM on 11/1/2006", MONTH),
        ("2006-11-01T19:02:11", YEAR),
    ],
)
def test_one_evening_in_many_countries(text: str, order: DateOrder) -> None:
    assert read_stamp(text, order) == EVENING


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2006-11-01T19:02:11.1234567Z", datetime(2006, 11, 1, 19, 2, 11, 123456, UTC)),
        ("2006-11-01T19:02:11+01:00", datetime(2006, 11, 1, 19, 2, 11, tzinfo=timezone(timedelta(hours=1)))),
        ("12:00:00 AM 1/2/2006", datetime(2006, 1, 2)),
        ("12:30 PM 1/2/2006", datetime(2006, 1, 2, 12, 30)),
        ("nothing", None),
        ("99/99/2006 10:00", None),
        ("1/1/2006 25:00:00", None),
    ],
)
def test_zones_noon_and_nonsense(text: str, time: datetime | None) -> None:
    assert read_stamp(text, MONTH) == time


def test_one_day_above_twelve_decides_for_all() -> None:
    assert order_of_all(["3/4/2006 10:00:00", "3/25/2006 10:00:00"]) == (MONTH, True)
    assert order_of_all(["3/4/2006 10:00:00", "25/3/2006 10:00:00"]) == (DAY, True)
    assert order_of_all(["2006/3/4 10:00:00"]) == (YEAR, True)


def test_else_the_order_of_the_entries_decides() -> None:
    assert order_of_all(["01/04/2006 1:00", "02/04/2006 1:00", "03/04/2006 1:00", "01/05/2006 1:00"]) == (DAY, True)


def test_else_the_form_and_it_says_so() -> None:
    assert order_of_all(["1/2/2006 7:00:00 PM"]) == (MONTH, False)
    assert order_of_all(["1/2/2006 19:00:00"]) == (DAY, False)
    assert order_of_all(["1.2.2006 19:00:00"]) == (DAY, True), "nobody puts the month first with dots"


def test_an_unclean_shutdown_lies_shortly_before_its_event() -> None:
    """Event 6008 of 3 May 2006: 5/3/2006 is May, were it read day first it would be March."""
    assert nearest_before("5/3/2006", "7:00:00 AM", datetime(2006, 5, 3, 8)) == datetime(2006, 5, 3, 7)
    assert nearest_before("5/3/2006", "07:00:00", datetime(2006, 3, 5, 8, tzinfo=UTC)) == datetime(2006, 3, 5, 7)
    assert nearest_before("rubbish", "", datetime(2006, 3, 5, 8)) is None


def test_what_is_no_date() -> None:
    assert orders_of("40/40/2006") == ()
    assert orders_of("x") == ()


def test_the_dates_of_a_file_are_read_in_one_order() -> None:
    """The first is told by the second; a locale tells where no date does; else the form, and a Gap says so."""
    proven = Dates(["03/04/2008 10:00:00", "03/25/2008 10:00:00"])
    assert proven.parse("03/04/2008 10:00:00") == datetime(2008, 3, 4, 10)
    assert not list(proven.gaps("x"))
    told = Dates(["03/04/2008 10:00:00"], "en-gb")
    assert told.read("03/04/2008 10:00:00") == datetime(2008, 4, 3, 10)
    assert not list(told.gaps("x"))
    assert Dates(locale="en-us").read("03/04/2008 10:00:00") == datetime(2008, 3, 4, 10)
    guessed = Dates()
    assert guessed.read("03/04/2008 10:00:00 AM") == datetime(2008, 3, 4, 10)
    assert [gap.what for gap in guessed.gaps("x")] == ["day and month in the dates of x, read as month, day, year"]
    same = Dates()
    assert same.parse("04/04/2008") == datetime(2008, 4, 4)
    assert not list(same.gaps("x")), "either order gives this day"


def test_a_date_that_comes_later_can_prove_the_order() -> None:
    dates = Dates()
    assert dates.parse("03/04/2008 10:00:00") == datetime(2008, 4, 3, 10)
    assert dates.guessed
    assert dates.parse("03/25/2008 10:00:00") == datetime(2008, 3, 25, 10)
    assert dates.parse("03/04/2008 10:00:00") == datetime(2008, 3, 4, 10)
    assert dates.guessed, "the first was read otherwise"
    right = Dates()
    assert right.parse("03/04/2008 10:00:00 AM") == datetime(2008, 3, 4, 10)
    assert right.parse("03/25/2008 10:00:00 AM") == datetime(2008, 3, 25, 10)
    assert not right.guessed


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("20160923 084725", datetime(2016, 9, 23, 8, 47, 25)),
        ("2007-09-27 14:42:26,123", datetime(2007, 9, 27, 14, 42, 26, 123000)),
        ("9/27/2013 12:42:26 AM", datetime(2013, 9, 27, 0, 42, 26)),
        ("27.09.99 14:42 UTC", datetime(1999, 9, 27, 14, 42, tzinfo=UTC)),
        ("31/31/2008", None),
        ("no date", None),
    ],
)
def test_dates_at_the_beginning_of_a_line(text: str, time: datetime | None) -> None:
    assert Dates().parse(text) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("14-Nov-17", datetime(2017, 11, 14)),
        ("Tuesday, November 14, 2017 4:19:23 PM", datetime(2017, 11, 14, 16, 19, 23)),
        ("2017-11-14 오후 4:19:23", datetime(2017, 11, 14, 16, 19, 23)),
        ("14.11.2017, 04:19:23", datetime(2017, 11, 14, 4, 19, 23)),
        ("24.01.2019, 17:14:23", datetime(2019, 1, 24, 17, 14, 23)),
        ("N/A", None),
    ],
)
def test_dates_anywhere_in_a_text(text: str, time: datetime | None) -> None:
    assert Dates().read(text) == time
