/* The fixture's code: what symbols, lines, inline sites, types and frame rules are tested on.  No C library. */
typedef unsigned long ULONG;
typedef unsigned char UCHAR;
typedef unsigned long long ULONG64;

typedef struct _LIST_ENTRY { struct _LIST_ENTRY *Flink; struct _LIST_ENTRY *Blink; } LIST_ENTRY;

enum _STATE { StateIdle = 0, StateRunning = 1, StateBroken = -2, StateLarge = 0x12345678 };

typedef union _VALUE {
    ULONG64 Quad;
    struct { ULONG Low; ULONG High; };
    struct _BITS { ULONG Valid : 1; ULONG Dirty : 1; ULONG Frame : 20; ULONG : 0; int Signed : 5; } Bits;
} VALUE;

struct _UNSEEN;

typedef struct _THING {
    LIST_ENTRY Links;
    UCHAR Name[15];
    enum _STATE State;
    VALUE Value;
    union { void *Pointer; ULONG Number; };
    struct { unsigned short Length; unsigned short Spare[3]; } Inner;
    struct _THING *Next;
    struct _UNSEEN *Unseen;
    int (*Callback)(struct _THING *, ULONG);
    const volatile char *Text;
    double Real;
    ULONG Table[4][8];
} THING;

THING GlobalThing;
static volatile int StaticCounter;
volatile const int ReadOnly[4] = {1, 2, 3, 4};

__declspec(noinline) int Leaf(int a) {
    StaticCounter += a;
    return a * 3;
}

static inline __attribute__((always_inline)) int InnerInline(int x) {
    StaticCounter ^= x;
    return Leaf(x + 1) ^ 5;
}

static inline __attribute__((always_inline)) int OuterInline(int x) {
    int y = InnerInline(x * 7);
    StaticCounter -= y;
    return y + 2;
}

__declspec(noinline) int WithInlines(int a, int b) {
    int sum = a;
    sum += OuterInline(b);
    StaticCounter++;
    return sum + InnerInline(a);
}

__declspec(noinline) static int BigFrame(int a, int *out) {
    volatile int room[40];
    for (int i = 0; i < 40; i++)
        room[i] = a + i;
    *out = room[a & 31];
    return WithInlines(a, room[3]);
}

#if defined(__i386__)
__declspec(noinline) int __stdcall StdCall(int a, int b, int c) { return Leaf(a) + b * c; }
__declspec(noinline) int __fastcall FastCall(int a, int b, int c) { return Leaf(a) + b - c; }
#endif

__declspec(noinline) int Caller(THING *thing, int a) {
    int out = 0;
    int result = BigFrame(a, &out);
    thing->Value.Low = (ULONG)out;
    if (thing->Callback)
        result += thing->Callback(thing, thing->Number);
#if defined(__i386__)
    result += StdCall(a, 2, 3) + FastCall(a, 4, 5);
#endif
    return result;
}

int Method(int a);

int EntryPoint(void *image, ULONG reason, void *context) {
    (void)image;
    (void)context;
    GlobalThing.State = StateBroken;
    return Caller(&GlobalThing, (int)reason) + Method((int)reason) + ReadOnly[reason & 3];
}
