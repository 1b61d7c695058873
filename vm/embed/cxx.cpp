// Errors as C++ exceptions: see cxx.h.
#include "vm/embed/cxx.h"

#include <cstring>
#include <cxxabi.h>
#include <exception>

namespace {

/* Thrown within a stay, about an error that the process knows all about. */
struct Leaving {
};

enum { WHAT_SIZE = 512 };

void copy_text(char *to, const char *from)
{
    std::strncpy(to, from, WHAT_SIZE - 1);
    to[WHAT_SIZE - 1] = '\0';
}

} // namespace

extern "C" int32_t ri_cxx_stay(void *thread, RiCxxBody *body, void *argument, uint32_t count)
{
    char what[WHAT_SIZE];
    bool is_leaving = false;
    int stay = 0; // its address is what counts
    void *outer = ri_cxx_set_stay(thread, &stay);
    try {
        int32_t result = body(thread, argument, count);
        ri_cxx_set_stay(thread, outer);
        return result;
    } catch (const Leaving &) {
        is_leaving = true;
    } catch (const std::exception &e) {
        copy_text(what, e.what());
    } catch (abi::__forced_unwind &) { // the host's thread is being cancelled
        throw;
    } catch (...) {
        copy_text(what, "C++ exception");
    }
    ri_cxx_set_stay(thread, outer);
    if (is_leaving)
        ri_cxx_go_on(thread);
    ri_cxx_error(thread, what);
}

extern "C" void ri_cxx_throw()
{
    throw Leaving();
}
