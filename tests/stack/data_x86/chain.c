/* Calls of many shapes, for unwinding at every instruction. Freestanding: clang --target=i386-pc-windows-msvc. */
#define NI __declspec(noinline)
typedef int (*step)(int);
typedef int (__stdcall *callback)(int, int);
volatile int total;
int table[8] = {3, 1, 4, 1, 5, 9, 2, 6};

NI int leaf(int a) { return a * 3 + total; }
NI int __fastcall fast(int a, int b, int c) { return leaf(a + b) + c; }
NI int __stdcall popped(int a, int b) { total += a; return leaf(b) - a; }
NI int early(int a, int b) { if (a < 3) return b; total += leaf(a); return popped(a, b) + total; }
NI int saved(int a, int b, int c, int d) {
    int x = leaf(a), y = leaf(b), z = leaf(c), w = leaf(d);
    return leaf(x + y) + popped(z, w) * x + y * z + w;
}
NI int local(int a) { volatile int z[40]; for (int i = 0; i < 3; i++) z[i] = leaf(a + i); return z[a & 1] + z[2]; }
NI int large(int a) { volatile char z[1000]; z[a & 511] = (char)a; return popped(z[a & 511], leaf(a)) + z[a & 511]; }
NI int aligned(int a) { volatile _Alignas(32) int z[16]; z[a & 7] = a; return leaf(z[a & 7]) + z[a & 7]; }
NI int dynamic(int a) { volatile char *z = __builtin_alloca((unsigned)(a & 31) + 8); z[0] = (char)a; return leaf(z[0]) + z[0]; }
NI int variadic(int n, ...) {
    __builtin_va_list list; int sum = 0;
    __builtin_va_start(list, n);
    for (int i = 0; i < n; i++) sum += leaf(__builtin_va_arg(list, int));
    __builtin_va_end(list);
    return sum;
}
NI int recursive(int n) { if (n == 0) return leaf(1); return recursive(n - 1) + n * leaf(n); }
NI int through(callback f, int a) { return f(a, a + 1) + f(a + 2, total); }
NI int choose(int a) {
    switch (a) { case 0: return leaf(a); case 1: return popped(a, 2) + 1; case 2: total = 3; return local(a); default: return 0; }
}
int start(void) {
    int sum = fast(1, 2, 3) + early(1, 2) + early(7, 8) + saved(1, 2, 3, 4) + local(2) + large(9) + aligned(3);
    sum += dynamic(5) + variadic(3, table[0], table[1], table[2]) + recursive(3) + through(popped, sum);
    for (int i = 0; i < 4; i++) sum += choose(i);
    return total = sum;
}
