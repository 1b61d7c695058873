/* What the libraries keep per process. */
#include "stdlib/state.h"

#include "vm/exec/clone.h"

static bool fork_state(struct RiClone *clone, const RiUserdata *from, RiUserdata *u, const char **why)
{
    RiStdlib *state = (RiStdlib *)(void *)u->data;
    (void)why;
    *state = *(const RiStdlib *)(const void *)from->data;
    state->stream_meta = ri_clone_of(clone, state->stream_meta); /* the type names are strings */
    state->input = ri_clone_of(clone, state->input);
    state->output = ri_clone_of(clone, state->output);
    for (int n = 0; n < 3; n++)
        state->standard[n] = ri_clone_of(clone, state->standard[n]);
    state->package = ri_clone_of(clone, state->package);
    return true;
}

static const RiUserType state_type = {.name = "libraries' state", .fork = fork_state};

RiStdlib *ri_stdlib_new(RiThread *T)
{
    RiHeap *heap = T->heap;
    RiUserdata *holder = ri_udata_new(heap, sizeof(RiStdlib), 0);
    holder->type = &state_type;
    ri_table_set_str(heap, T->process->registry, ri_str_from_cstr(heap, "_STDLIB"), ri_object(holder, RI_TAG_USERDATA));
    RiStdlib *state = (RiStdlib *)(void *)holder->data;
    for (int type = 0; type < RI_TYPE_COUNT; type++)
        state->type_names[type] = ri_str_from_cstr(heap, ri_type_names[type]);
    state->gc_is_generational = !T->process->is_embedded; /* how the stand-alone interpreter of 5.4 starts */
    state->gc_pause = 200;
    state->gc_step_multiplier = 100;
    T->process->io = state;
    T->process->io_holder = holder;
    return state;
}
