// C++ names and types: base classes, a virtual table, nested and scoped types, templates.
namespace shapes {
struct Base {
    int base_value;
    virtual int area(int scale) { return base_value * scale; }
};
struct Second {
    short second_value;
};
template <typename T> struct Pair {
    T first;
    T second;
    __declspec(noinline) T sum() { return first + second; }
};
class Square : public Base, public Second {
public:
    enum class Kind : unsigned char { Small = 1, Large = 200 };
    struct Nested { long long deep; };
    int area(int scale) override;
    __declspec(noinline) static int helper(int a);
    Nested nested;
    Kind kind;
    Pair<int> pair;
    static int count;
};
int Square::count = 3;
int Square::area(int scale) { return base_value + scale * second_value; }
int Square::helper(int a) { return a + count; }
} // namespace shapes

namespace {
__declspec(noinline) int hidden(int a) { return a ^ shapes::Square::count; }
} // namespace

shapes::Square GlobalSquare;

extern "C" int Method(int a) {
    shapes::Pair<int> pair{a, 2};
    return GlobalSquare.area(a) + shapes::Square::helper(a) + hidden(a) + pair.sum();
}
