"""Published `!analyze` outputs: buckets with FAILURE_ID_HASH, stacks with THREAD_SHA1_HASH_…

Source: ../shared/facts/windbg_hashes.py of this project's notes, which collected them from public outputs of
2013 to 2026 (23 pairs, 9 values over 3 stacks).  Data only.
"""

from __future__ import annotations

FAILURE_ID_HASHES = (
    (
        "um",
        "clr_exception_system.invalidoperationexception_80131509_system.windows.forms.dll!system.windows.forms.control.marshaledinvoke",
        "c279e3a4-dab2-09ec-a135-2281bfa61101",
    ),
    (
        "um",
        "SOFTWARE_NX_FAULT_c0000005_chrome_child.dll!cricket::WebRtcVoiceMediaChannel::GetSources",
        "786de068-5b23-3ebd-de58-22cbd82d7410",
    ),
    (
        "km",
        "X64_0x5C_HAL_CLOCK_INTERRUPT_NOT_RECEIVED_nt!InitBootProcessor+12a",
        "829a944d-7639-05f1-a55f-2677354a890e",
    ),
    ("km", "MEMORY_CORRUPTION_ONE_BIT", "e3faf315-c3d0-81db-819a-6c43d23c63a7"),
    ("km", "AV_NETIO!StreamInvokeCalloutAndNormalizeAction", "c2ca2d1f-cfdc-88d5-c7bc-7693b8f0de04"),
    ("km", "AV_rassstp!RetrieveSendPackets", "cc96ef30-062c-2493-447f-a365f71c1c23"),
    ("km", "0x13a_12_Driver!CreateRandomFile", "ea91b8db-b8d2-b485-3fb8-7116e18cbc08"),
    ("um", "INVALID_POINTER_WRITE_c0000005_OpenConsole.exe!WriteCharsLegacy", "4b340304-ea48-c33c-9072-a8a7230f1e65"),
    ("um", "INVALID_POINTER_READ_c0000005_Qt6Core.dll!Unknown", "11f85110-02eb-30ad-d320-ae4675a7890a"),
    (
        "um",
        "HEAP_CORRUPTION_ACTIONABLE_ListEntryCorruption_c0000374_DrvUI_x64_ADVANTECH.dll!Unknown",
        "f73b6e40-eff5-e543-d66a-d70b778facc2",
    ),
    ("km", "av_ndis!ndisqueueioworkitem", "10686423-afa1-4852-ad1b-9324ac44ac96"),
    ("km", "0x1E_c0000005_R_nt!CmpCreateKeyBody", "c4b33015-e33f-270e-d1a4-e4a9a8d630df"),
    ("km", "0xD5_VRF_win32k!hbmSelectBitmap+ca", "c18afd13-ae34-094e-a35a-2fa69da06b7c"),
    ("km", "X64_0x7E_man+1ce7", "ceed7a1b-a47b-c452-63c1-012e444d5204"),
    ("km", "AV_OVSExt!OvsWaitEventIoctl", "07550bfb-c3b5-0412-b95d-f89a5c4671a9"),
    ("um", "BREAKPOINT_AVRF_80000003_image009e0000!Unknown", "d3f728e1-6a74-3cb2-714a-f2180f2ee172"),
    ("km", "0x5A_c0000428_IMAGE_filecrypt.sys", "35f25777-b01e-70a1-c502-f690dab6cb3a"),
    ("km", "AV_myfault!unknown_function", "9745090a-9bce-ccba-c096-ca6e9ca04c64"),
    ("km", "AV_o2micro_sdhost!unknown_function", "675c0c01-465e-ed53-efc7-4c82b345b89c"),
    ("km", "AV_CODE_AV_PAGED_IP_TestDriver!AccessPageableMemory", "2463ca34-5d68-cb7c-6807-dd2087a41e36"),
    ("km", "AV_W_(null)_Driver!unknown_function", "2f4cb3f6-118f-01c9-d978-7b6c7a9a1257"),
    ("km", "AV_VRF_usbprint!USBPRINT_ProcessIOCTL", "563a557e-1087-fde3-680d-afd9b49faa35"),
    ("km", "X64_0x3B_win32k!NtUserGetDCEx+b7", "c08a00a3-15a5-89cf-350a-72fc675556fc"),
)
"""Mode, FAILURE_BUCKET_ID, FAILURE_ID_HASH without braces."""

THREAD_HASHES = (
    (
        (
            "nt!KeBugCheckEx",
            "nt!KiDispatchException+0x58d",
            "nt!KiExceptionDispatch+0xc2",
            "nt!KiPageFault+0x3ff",
            "nt!CmpCreateKeyBody+0x166",
            "0xffff86890c47f090",
            "0x1",
            "0xffff86890c47f840",
        ),
        (
            "f08ac56120cad14894587db086f77ce277bfae84",
            "cc68484f0ad7b2ba7711fc62c7e22b20f74cd551",
            "09da40a0301b7e372ce92d3ab9bddb9d5a57ce52",
        ),
    ),
    (
        (
            "verifier!VerifierBreakin+0x42",
            "verifier!VerifierCaptureContextAndReportStop+0xf0",
            "verifier!VerifierStopMessage+0x2bd",
            "verifier!AVrfpDphReportCorruptedBlock+0x1cf",
            "verifier!AVrfpDphFindBusyMemoryNoCheck+0x7d",
            "verifier!AVrfpDphFindBusyMemory+0x15",
            "verifier!AVrfpDphFindBusyMemoryAndRemoveFromBusyList+0x20",
            "verifier!AVrfDebugPageHeapFree+0x90",
            "ntdll!RtlDebugFreeHeap+0x3e",
            "ntdll!RtlpFreeHeap+0x4dff2",
            "ntdll!RtlFreeHeap+0x201",
            "image009e0000+0x7417",
            "image009e0000+0x5b17",
            "image009e0000+0x113e",
            "image009e0000+0x10b6",
            "image009e0000+0x13aa",
            "KERNEL32!BaseThreadInitThunk+0x19",
            "ntdll!__RtlUserThreadStart+0x2f",
            "ntdll!_RtlUserThreadStart+0x1b",
        ),
        (
            "2f5e71c10ebac913143da3896ee2277035249edd",
            "7d2668b2829674ff0253d920f3d46b5aece4985e",
            "3f91cffe1f2c864f7eeabaee79bcc629b8b1c6ec",
        ),
    ),
    (
        (
            "win32k!NtUserGetDCEx+0xb7",
            "nt!KiSystemServiceCopyEnd+0x13",
            "USER32!NtUserGetDCEx+0xa",
            "USER32!SoftModalMessageBox+0x21b",
            "USER32!MessageBoxWorker+0x31d",
            "USER32!MessageBoxTimeoutW+0xb3",
            "USER32!MessageBoxTimeoutA+0x18a",
            "USER32!MessageBoxA+0x4e",
            "pwned+0x101d",
            "0x1",
            "pwned+0x1721",
        ),
        (
            "733a7efb513a8a4310aebdea1f93670be82694d5",
            "28860cd61556fec47ee8b98cee370782542f9f75",
            "96b696341545d28bd11ab89cef209459add5d6ad",
        ),
    ),
)
"""A stack as published, innermost level first; THREAD_SHA1_HASH_MOD, …_MOD_FUNC, …_MOD_FUNC_OFFSET."""
