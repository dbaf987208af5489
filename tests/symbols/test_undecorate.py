"""Names beside the spelling of procedure records and c++filt; with pycxxfilt where it is installed, and without."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bugcheck.symbols.symbols import Symbol
from bugcheck.symbols.undecorate import Demangler, full_name, undecorate

needs_pycxxfilt = pytest.mark.skipif(find_spec("pycxxfilt") is None, reason="pycxxfilt is not installed")


class _Without(Demangler):
    """A machine without pycxxfilt."""

    def __init__(self) -> None:
        super().__init__(0)


# "Decorated Names" (Microsoft C++ documentation), "Format of a C decorated name"
@pytest.mark.parametrize(
    ("decorated", "x64", "x86"),
    [
        ("_KiTrap0E@0", "KiTrap0E", "KiTrap0E"),
        ("_IopSynchronousServiceTail@28", "IopSynchronousServiceTail", "IopSynchronousServiceTail"),
        ("@ExfReleasePushLock@4", "ExfReleasePushLock", "ExfReleasePushLock"),
        ("vectorcall@@16", "vectorcall", "vectorcall"),
        ("_memcpy", "_memcpy", "memcpy"),
        ("__chkstk", "__chkstk", "_chkstk"),
        ("KiPageFault", "KiPageFault", "KiPageFault"),
        ("__imp__ExAllocatePool@8", "__imp_ExAllocatePool", "__imp_ExAllocatePool"),
        ("__imp_KeBugCheckEx", "__imp_KeBugCheckEx", "__imp_KeBugCheckEx"),
        ("__imp__KeBugCheck", "__imp__KeBugCheck", "__imp_KeBugCheck"),
        ("__imp_", "__imp_", "_imp_"),
        ("_", "_", "_"),
        ("@", "@", "@"),
        ("_@4", "_@4", "@4"),
        ("", "", ""),
        ("a@b", "a@b", "a@b"),
    ],
)
def test_c_names(decorated: str, x64: str, x86: str) -> None:
    assert undecorate(decorated) == x64
    assert undecorate(decorated, x86=True) == x86


PLAIN = [
    ("?foo@Bar@ns@@QEAAHH@Z", "ns::Bar::foo"),
    ("?g@@3HA", "g"),
    ("??0Bar@@QEAA@XZ", "Bar::Bar"),
    ("??1Bar@ns@@QEAA@XZ", "ns::Bar::~Bar"),
    ("?fn@@YAP6AHH@ZXZ", "fn"),
    ("__imp_?foo@@YAXXZ", "__imp_foo"),
    ("_ZN3foo3barEi", "foo::bar"),
    ("_Z3fooi", "foo"),
    ("_ZNK3foo3barEv", "foo::bar"),
]


@pytest.mark.parametrize(("decorated", "name"), PLAIN)
def test_plain_cpp_names_with_and_without_pycxxfilt(decorated: str, name: str) -> None:
    assert undecorate(decorated) == name
    assert undecorate(decorated, demangler=_Without()) == name


# the spelling of template arguments and special names in the procedure records of Microsoft's compilers
@needs_pycxxfilt
@pytest.mark.parametrize(
    ("decorated", "name"),
    [
        ("??_7Square@shapes@@6B@", "shapes::Square::`vftable'"),
        ("?sum@?$Pair@H@shapes@@QEAAHXZ", "shapes::Pair<int>::sum"),
        ("??RFunctor@@QEAAHXZ", "Functor::operator()"),
        ("??BFoo@@QEAAHXZ", "Foo::operator int"),
        ("??$?6H@@YAAEAVostream@@AEAV0@H@Z", "operator<<<int>"),
        ("??4Bar@@QEAAAEAV0@AEBV0@@Z", "Bar::operator="),
        ("??_GBar@@UEAAPEAXI@Z", "Bar::`scalar deleting destructor'"),
        ("??_C@_01ABC@x?$AA@", "`string'"),
        ("??__EobjA@@YAXXZ", "`dynamic initializer for 'objA''"),
        ("?f@?A0x1234abcd@@YAXXZ", "`anonymous namespace'::f"),
        ("?filt$0@?0??DriverEntry@@YAJXZ@4HA", "`long __cdecl DriverEntry(void)'::`1'::filt$0"),
        ("??0?$vec@V?$pair@HH@std@@@std@@QEAA@XZ", "std::vec<std::pair<int,int> >::vec<std::pair<int,int> >"),
        ("_ZN12_GLOBAL__N_11fEv", "(anonymous namespace)::f"),
        ("??5stream@@QEAAAEAV0@AEAH@Z", "stream::operator>>"),
    ],
)
def test_cpp_names(decorated: str, name: str) -> None:
    assert undecorate(decorated) == name


@needs_pycxxfilt
def test_full_names() -> None:
    assert undecorate("?foo@Bar@ns@@QEAAHH@Z", full=True) == "public: int __cdecl ns::Bar::foo(int)"
    assert undecorate("_ZN3foo3barEi", full=True) == "foo::bar(int)"
    assert undecorate("_KiTrap0E@0", full=True) == "KiTrap0E"


def test_full_names_of_symbols() -> None:
    # undname: "?area@Square@shapes@@UEAAHH@Z" is `public: virtual int __cdecl shapes::Square::area(int)`
    method = Symbol(0x1000, "shapes::Square::area", decorated="?area@Square@shapes@@UEAAHH@Z")
    assert full_name(method).endswith("shapes::Square::area(int)")
    assert full_name(method).startswith("public: virtual int")
    assert full_name(Symbol(0x1000, "KeBugCheckEx", decorated="_KeBugCheckEx@20")) == "KeBugCheckEx"


@pytest.mark.parametrize("name", ["?junk", "?", "??", "?@@", "?a@?$b@@", "_Z", "_ZN", "_ZN99999999999fooE", "_Z0"])
def test_what_is_not_understood_stays(name: str) -> None:
    assert undecorate(name) == name
    assert undecorate(name, demangler=_Without()) == name


def test_a_used_up_budget_leaves_names_as_they_are() -> None:
    demangler = Demangler(1)
    undecorate("??_7Square@shapes@@6B@", demangler=demangler)
    assert undecorate("??_7Square@shapes@@6B@", demangler=demangler) == "??_7Square@shapes@@6B@"


@given(st.text(alphabet="?@_ZNAPEX0123456789$abHQS<>E", max_size=80), st.booleans(), st.booleans())
def test_any_text_gives_a_name(text: str, full: bool, x86: bool) -> None:
    for start in ("", "?", "??", "_Z", "__imp_", "_R"):
        name = undecorate(start + text, full=full, x86=x86)
        assert isinstance(name, str)
        assert bool(name) == bool(start + text)
