/* Breakpoints, steps and watches of a debugger: debugger.h. */
#include "tools/debugger.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/exec/engine.h"
#include "vm/exec/traceback.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"
#include "vm/machine/signal.h"
#include "vm/machine/space.h"

#define KNOWN_MAX 65536 /* functions that are remembered; of older ones breakpoints are kept, but no new ones set */

/* -- Sites --------------------------------------------------------------------------------------------------------- */

/* Room for one more; what the collector scans moves along. */
static void *grow(RiHeap *heap, void *items, uint32_t *capacity, size_t size)
{
    uint32_t wanted = *capacity * 2 + 16;
    void *moved = calloc(wanted, size);
    if (moved == NULL)
        return NULL;
    if (items != NULL) {
        memcpy(moved, items, *capacity * size);
        ri_heap_remove_root(heap, items, *capacity * size);
        free(items);
    }
    *capacity = wanted;
    ri_heap_add_root(heap, moved, wanted * size);
    return moved;
}

static RiDebugSite *add_site(RiDebug *d, RiDebugSites *sites, RiFeedback *feedback, uint32_t pc)
{
    if (sites->count == sites->capacity) {
        RiDebugSite *items = grow(d->heap, sites->items, &sites->capacity, sizeof *items);
        if (items == NULL)
            return NULL;
        sites->items = items;
    }
    RiDebugSite *site = &sites->items[sites->count++];
    *site = (RiDebugSite){.feedback = feedback, .pc = pc};
    ri_breakpoint_set(d->heap, feedback, pc);
    return site;
}

static bool has_site(const RiDebugSites *sites, const RiFeedback *feedback, uint32_t pc)
{
    for (uint32_t i = 0; i < sites->count; i++) {
        if (sites->items[i].feedback == feedback && sites->items[i].pc == pc)
            return true;
    }
    return false;
}

static bool is_patched_for_step(const RiDebugSites *sites, const RiFeedback *feedback)
{
    for (uint32_t i = 0; i < sites->count; i++) {
        if (sites->items[i].feedback == feedback && !sites->items[i].is_return && !sites->items[i].is_entry)
            return true;
    }
    return false;
}

/* With watched expressions every line of every function has a site of its own: steps leave them alone. */
static bool watches_expressions(const RiDebug *d)
{
    for (uint32_t i = 0; i < d->watch_count; i++) {
        if (d->watches[i]->text != NULL)
            return true;
    }
    return false;
}

static void clear_steps(RiDebug *d)
{
    for (uint32_t i = 0; i < d->steps.count; i++) {
        const RiDebugSite *site = &d->steps.items[i];
        if (!has_site(&d->set, site->feedback, site->pc))
            ri_breakpoint_clear(site->feedback, site->pc);
    }
    memset(d->steps.items, 0, d->steps.count * sizeof(RiDebugSite));
    d->steps.count = 0;
}

static void patch_lines(RiDebug *d, RiDebugSites *sites, RiFeedback *feedback)
{
    const RiProto *proto = feedback->proto;
    uint32_t last = UINT32_MAX, entry = ri_code_entry(proto);
    if (!proto->has_lines)
        return;
    for (uint32_t pc = 0; pc < proto->code_count; last = pc, pc = ri_code_next(proto, pc)) {
        if (pc >= entry && (pc == entry || ri_code_begins_line(proto, last, pc)))
            add_site(d, sites, feedback, pc);
    }
}

/* -- Points -------------------------------------------------------------------------------------------------------- */

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.'), *colon = strrchr(name, ':');
    const char *last = dot > colon ? dot : colon;
    return last != NULL ? last + 1 : name;
}

bool ri_debug_is_source(const char *name, const RiString *source)
{
    if (source == NULL || source->size < 2 || ri_str_data(source)[0] != '@')
        return source != NULL && source->size == strlen(name) && memcmp(ri_str_data(source), name, source->size) == 0;
    char path[4096];
    size_t size = source->size - 1, wanted = strlen(name);
    if (size >= sizeof path)
        return false;
    memcpy(path, ri_str_data(source) + 1, size);
    path[size] = '\0';
    if (strcmp(path, name) == 0)
        return true;
    if (name[0] != '/' && wanted < size && path[size - wanted - 1] == '/' && strcmp(path + size - wanted, name) == 0)
        return true;
    char *a = realpath(path, NULL), *b = realpath(name, NULL);
    bool same = a != NULL && b != NULL && strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

/* The smallest line with code at or after `line`, in the function and those in it; 0: none. */
static int line_with_code(const RiProto *proto, int line)
{
    int best = 0;
    for (uint32_t pc = ri_code_entry(proto); proto->has_lines && pc < proto->code_count; pc = ri_code_next(proto, pc)) {
        int at = ri_proto_line(proto, pc);
        if (at >= line && (best == 0 || at < best))
            best = at;
    }
    for (uint32_t i = 0; i < proto->proto_count && best != line; i++) {
        int inner = line_with_code(proto->protos[i], line);
        if (inner != 0 && (best == 0 || inner < best))
            best = inner;
    }
    return best;
}

/* The name that a function has been given where it is defined, from its source line: "local function f(", "a.b = function(". */
static bool is_defined_as(RiDebug *d, const RiProto *proto, const char *name)
{
    size_t size;
    const char *line = ri_source_line(&d->source, proto->source, (int)proto->line_defined, &size);
    if (line == NULL || proto->line_defined == 0)
        return false;
    char text[400], *at;
    snprintf(text, sizeof text, "%.*s", (int)(size < sizeof text ? size : sizeof text - 1), line);
    for (at = text; *at != '\0'; at++)
        *at = *at == ':' ? '.' : *at;
    char wanted[200];
    snprintf(wanted, sizeof wanted, "%s", name);
    for (at = wanted; *at != '\0'; at++)
        *at = *at == ':' ? '.' : *at;
    size_t length = strlen(wanted);
    for (at = text; (at = strstr(at, wanted)) != NULL; at++) {
        bool begins = at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
        const char *after = at + length + strspn(at + length, " \t");
        bool is_definition = after[0] == '(' && at > text && strstr(text, "function") != NULL && strstr(text, "function") < at;
        bool is_assignment = after[0] == '=' && strncmp(after + 1 + strspn(after + 1, " \t"), "function", 8) == 0;
        if (begins && at[length] != '_' && !isalnum((unsigned char)at[length]) && (is_definition || is_assignment))
            return true;
    }
    return false;
}

/* The value of "a.b.c" among the globals of the process that runs, without metamethods. */
static RiValue global_of(const RiDebug *d, const char *path)
{
    RiThread *T = d->heap->running;
    RiValue v = ri_table_value(T->process->globals);
    while (*path != '\0') {
        size_t size = strcspn(path, ".:");
        if (!ri_is_table(v))
            return ri_nil();
        v = ri_table_get(v.p, ri_string_value(ri_str_new(d->heap, path, size)));
        path += size + (path[size] != '\0');
    }
    return v;
}

static bool is_function_of(RiDebug *d, const RiDebugPoint *point, const RiFeedback *feedback)
{
    RiValue v = global_of(d, point->function);
    if (v.tag == RI_TAG_CLOSURE && ((const RiClosure *)v.cp)->feedback->proto == feedback->proto)
        return true;
    return is_defined_as(d, feedback->proto, point->function) ||
           (strchr(point->function, '.') == NULL && is_defined_as(d, feedback->proto, last_part(point->function)));
}

static void set_point_at(RiDebug *d, RiDebugPoint *point, RiFeedback *feedback, uint32_t pc)
{
    if (has_site(&d->set, feedback, pc)) {
        for (uint32_t i = 0; i < d->set.count; i++) {
            const RiDebugSite *site = &d->set.items[i];
            if (site->feedback == feedback && site->pc == pc && site->point == point)
                return;
        }
    }
    RiDebugSite *site = add_site(d, &d->set, feedback, pc);
    if (site != NULL)
        site->point = point;
    point->bound = ri_proto_line(feedback->proto, pc);
    if (!point->is_told && d->bound != NULL)
        d->bound(d, point);
    point->is_told = true;
}

static void bind_to_line(RiDebug *d, RiDebugPoint *point, RiFeedback *feedback)
{
    const RiProto *proto = feedback->proto;
    if (!proto->has_lines || !ri_debug_is_source(point->file, proto->source))
        return;
    if (proto->line_defined == 0) {
        int line = line_with_code(proto, point->line);
        if (line != 0 && line != point->bound) {
            point->bound = line;
            if (d->bound != NULL)
                d->bound(d, point);
            point->is_told = true;
        }
    }
    int line = point->bound != 0 ? point->bound : point->line;
    for (uint32_t pc = ri_code_entry(proto); pc < proto->code_count; pc = ri_code_next(proto, pc)) {
        if (ri_proto_line(proto, pc) == line) {
            set_point_at(d, point, feedback, pc);
            return;
        }
    }
}

static void bind(RiDebug *d, RiDebugPoint *point, RiFeedback *feedback)
{
    if (point->file != NULL)
        bind_to_line(d, point, feedback);
    else if (is_function_of(d, point, feedback))
        set_point_at(d, point, feedback, ri_code_entry(feedback->proto));
}

void ri_debug_bind_point(RiDebug *d, RiDebugPoint *point)
{
    for (uint32_t i = 0; i < d->known_count; i++) {
        if (d->known[i]->proto->line_defined == 0) /* they know all lines */
            bind(d, point, d->known[i]);
    }
    for (uint32_t i = 0; i < d->known_count; i++)
        bind(d, point, d->known[i]);
}

RiDebugPoint *ri_debug_add_point(RiDebug *d, const char *file, int line, const char *function)
{
    if (d->point_count == d->point_capacity) {
        uint32_t capacity = d->point_capacity * 2 + 8;
        RiDebugPoint **points = realloc(d->points, capacity * sizeof *points);
        if (points == NULL)
            return NULL;
        d->points = points;
        d->point_capacity = capacity;
    }
    RiDebugPoint *point = calloc(1, sizeof *point);
    if (point == NULL)
        return NULL;
    point->id = ++d->next_id;
    point->file = file != NULL ? strdup(file) : NULL;
    point->function = function != NULL ? strdup(function) : NULL;
    point->line = line;
    d->points[d->point_count++] = point;
    if (d->heap != NULL)
        ri_debug_bind_point(d, point);
    return point;
}

RiDebugPoint *ri_debug_find_point(const RiDebug *d, int id)
{
    for (uint32_t i = 0; i < d->point_count; i++) {
        if (d->points[i]->id == id)
            return d->points[i];
    }
    return NULL;
}

static void remove_sites_of(RiDebug *d, const RiDebugPoint *point)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->set.count; i++) {
        RiDebugSite site = d->set.items[i];
        if (site.point != point) {
            d->set.items[kept++] = site;
            continue;
        }
        d->set.items[i].feedback = NULL; /* not found by has_site */
        bool is_shared = has_site(&d->steps, site.feedback, site.pc);
        for (uint32_t k = 0; k < d->set.count && !is_shared; k++)
            is_shared = k != i && d->set.items[k].feedback == site.feedback && d->set.items[k].pc == site.pc &&
                        d->set.items[k].point != point;
        if (!is_shared)
            ri_breakpoint_clear(site.feedback, site.pc);
    }
    memset(d->set.items + kept, 0, (d->set.count - kept) * sizeof(RiDebugSite));
    d->set.count = kept;
}

void ri_debug_delete_point(RiDebug *d, RiDebugPoint *point)
{
    if (d->set.count > 0)
        remove_sites_of(d, point);
    for (uint32_t i = 0; i < d->point_count; i++) {
        if (d->points[i] == point) {
            memmove(&d->points[i], &d->points[i + 1], (--d->point_count - i) * sizeof *d->points);
            break;
        }
    }
    free(point->file);
    free(point->function);
    free(point->condition);
    free(point->hit_condition);
    free(point->log);
    free(point);
}

/* -- Functions that are called for the first time --------------------------------------------------------------------------- */

static void remember(RiDebug *d, RiFeedback *feedback)
{
    if (d->known_count == KNOWN_MAX) {
        memmove(d->known, d->known + KNOWN_MAX / 2, KNOWN_MAX / 2 * sizeof *d->known);
        d->known_count = KNOWN_MAX / 2;
    }
    if (d->known_count == d->known_capacity) {
        RiFeedback **known = grow(d->heap, d->known, &d->known_capacity, sizeof *known);
        if (known == NULL)
            return;
        d->known = known;
    }
    d->known[d->known_count++] = feedback;
}

static bool is_own_chunk(const RiProto *proto)
{
    return proto->source != NULL && proto->source->size == 7 && memcmp(ri_str_data(proto->source), "=(eval)", 7) == 0;
}

static void on_function(RiDebugger *core, RiFeedback *feedback)
{
    RiDebug *d = core->data;
    const RiProto *proto = feedback->proto;
    if (is_own_chunk(proto) || d->is_ending)
        return;
    remember(d, feedback);
    if (proto->line_defined == 0 && d->loaded != NULL)
        d->loaded(d, proto);
    for (uint32_t i = 0; i < d->point_count; i++)
        bind(d, d->points[i], feedback);
    if (watches_expressions(d))
        patch_lines(d, &d->steps, feedback);
    if (!d->is_started && proto->line_defined == 0) {
        d->is_started = true;
        if (d->stops_at_entry) {
            RiDebugSite *site = add_site(d, &d->steps, feedback, ri_code_entry(proto));
            if (site != NULL)
                site->is_entry = true;
        }
    }
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */

static void forget_enter(RiDebug *d)
{
    if (d->step.thread != NULL)
        d->step.thread->hook_mask &= (uint8_t)~RI_HOOK_ENTER;
    for (uint32_t i = 0; i < d->step.other_count; i++)
        d->step.others[i]->hook_mask &= (uint8_t)~RI_HOOK_ENTER;
}

static void end_step(RiDebug *d)
{
    forget_enter(d);
    clear_steps(d);
    d->step = (RiDebugStep){0};
}

/* Every line of the functions of T's frames from `frame` on, and every place where one of them goes on after a call. */
static void patch_frames(RiDebug *d, RiThread *T, RiFrame frame, bool is_top, bool with_lines)
{
    int guard = 0;
    for (bool more = true; more && guard++ < 2000; more = ri_frame_caller(T, &frame), is_top = false) {
        RiValue function = ri_frame_function(T, &frame);
        if (function.tag != RI_TAG_CLOSURE)
            continue;
        RiFeedback *feedback = ((const RiClosure *)function.cp)->feedback;
        if (with_lines && !is_patched_for_step(&d->steps, feedback))
            patch_lines(d, &d->steps, feedback);
        if (is_top || frame.pc >= feedback->proto->code_count)
            continue;
        RiDebugSite *site = add_site(d, &d->steps, feedback, frame.pc);
        if (site != NULL) {
            site->is_return = true;
            site->thread = T;
            site->base = frame.base;
        }
    }
}

static void add_other(RiDebug *d, RiThread *T)
{
    if (d->step.other_count < RI_DEBUG_THREADS)
        d->step.others[d->step.other_count++] = T;
}

void ri_debug_set_step(RiDebug *d, RiThread *of, int level, RiDebugMode mode, int line)
{
    RiFrame frame;
    end_step(d);
    if (mode == RI_DEBUG_RUN || !ri_frame_at(of, level, &frame))
        return;
    d->step = (RiDebugStep){.mode = mode, .thread = of, .base = frame.base, .line = line};
    const RiProto *proto = ri_function_proto(ri_frame_function(of, &frame));
    d->step.start_base = frame.base;
    d->step.start_pc = frame.pc > 0 ? frame.pc - 1 : 0;
    d->step.start_line = proto != NULL ? ri_proto_line(proto, d->step.start_pc) : -1;
    patch_frames(d, of, frame, level == 0 || mode == RI_DEBUG_OUT, mode != RI_DEBUG_OUT);
    if (mode == RI_DEBUG_OUT) /* its own frame is not one that it returns to */
        d->step.base = frame.base - 1;
    for (RiThread *T = of->resumer; T != NULL; T = T->resumer) {
        if (ri_frame_at(T, 0, &frame))
            patch_frames(d, T, frame, false, mode != RI_DEBUG_OUT);
        add_other(d, T);
    }
    if (mode == RI_DEBUG_INTO)
        of->hook_mask |= RI_HOOK_ENTER;
}

bool ri_debug_run_to(RiDebug *d, RiThread *of, int level, int line)
{
    RiFrame frame;
    if (!ri_frame_at(of, level, &frame))
        return false;
    RiValue function = ri_frame_function(of, &frame);
    const RiProto *proto = ri_function_proto(function);
    uint32_t pc = 0;
    while (proto != NULL && pc < proto->code_count && ri_proto_line(proto, pc) != line)
        pc = ri_code_next(proto, pc);
    if (proto == NULL || pc >= proto->code_count)
        return false;
    ri_debug_set_step(d, of, level, RI_DEBUG_OUT, 0);
    RiDebugSite *site = add_site(d, &d->steps, ((const RiClosure *)function.cp)->feedback, pc);
    if (site == NULL)
        return false;
    site->is_return = true; /* in this frame, ends the step: see meet_step */
    site->thread = of;
    site->base = frame.base;
    d->step.base = frame.base;
    return true;
}

static void on_enter(RiDebugger *core, RiThread *T, bool is_resumed)
{
    RiDebug *d = core->data;
    RiFrame frame;
    if (d->step.mode != RI_DEBUG_INTO || T->process->in_finalizer)
        return;
    if (is_resumed) {
        add_other(d, T);
        if (ri_frame_at(T, 0, &frame))
            patch_frames(d, T, frame, false, true);
        return;
    }
    RiFeedback *feedback = ((const RiClosure *)T->base[-2].cp)->feedback;
    if (!feedback->proto->has_lines || is_own_chunk(feedback->proto))
        return;
    RiDebugSite *site = add_site(d, &d->steps, feedback, ri_code_entry(feedback->proto));
    if (site != NULL) {
        site->is_entry = true;
        site->thread = T;
        site->base = (uint32_t)(T->base - T->stack);
    }
}

static bool is_other(const RiDebug *d, const RiThread *T)
{
    for (uint32_t i = 0; i < d->step.other_count; i++) {
        if (d->step.others[i] == T)
            return true;
    }
    return false;
}

typedef enum Met { MET_NOTHING, MET_STEP, MET_RETURN, MET_ENTRY } Met;

/* T stands at a breakpoint of the step under way, if `pc` of `feedback` is one: is the step over? */
static Met meet_step(RiDebug *d, const RiThread *T, const RiFeedback *feedback, uint32_t pc)
{
    uint32_t base = (uint32_t)(T->base - T->stack);
    Met met = MET_NOTHING;
    for (uint32_t i = 0; i < d->steps.count; i++) {
        const RiDebugSite *site = &d->steps.items[i];
        if (site->feedback != feedback || site->pc != pc)
            continue;
        if (site->is_entry) {
            if (site->thread == NULL || (site->thread == T && site->base == base))
                return site->thread == NULL ? MET_ENTRY : MET_STEP;
        } else if (site->is_return) {
            if (site->thread == T && site->base == base) {
                if (d->step.thread != T && !is_other(d, d->step.thread))
                    add_other(d, d->step.thread); /* it may come back there when a coroutine ends */
                d->step.thread = (RiThread *)(uintptr_t)T; /* that frame is the one stepped in from here on */
                d->step.base = base;
                if (d->step.mode == RI_DEBUG_OUT)
                    return MET_RETURN;
            }
        } else if (d->step.mode != RI_DEBUG_RUN && d->step.mode != RI_DEBUG_OUT) {
            bool is_mine = (T == d->step.thread && base <= d->step.base) || (T != d->step.thread && is_other(d, T));
            bool is_beyond = d->step.mode != RI_DEBUG_UNTIL || base < d->step.base || T != d->step.thread ||
                             ri_proto_line(feedback->proto, pc) > d->step.line;
            bool stays = T == d->step.thread && base == d->step.start_base && pc > d->step.start_pc &&
                         ri_proto_line(feedback->proto, pc) == d->step.start_line; /* the end of a loop's head, say */
            if (is_mine && is_beyond && !stays)
                met = MET_STEP;
        }
    }
    return met;
}

/* -- Stopping ------------------------------------------------------------------------------------------------------ */

static void stop(RiDebug *d, RiDebugStop *how)
{
    if (d->is_ending)
        return;
    end_step(d);
    fflush(stdout);
    d->stopped(d, how);
    if (watches_expressions(d)) {
        for (uint32_t i = 0; i < d->known_count; i++) {
            if (!is_patched_for_step(&d->steps, d->known[i]))
                patch_lines(d, &d->steps, d->known[i]);
        }
    }
}

/* "5", "= 5": at the fifth; "> 5", ">= 5", "< 5", "% 5": whenever that holds of the number of hits. */
static bool hits_are_enough(const RiDebugPoint *point)
{
    const char *text = point->hit_condition;
    if (text == NULL)
        return true;
    text += strspn(text, " \t");
    size_t signs = strspn(text, "=<>%!");
    uint64_t n = strtoull(text + signs, NULL, 10);
    if (strncmp(text, ">=", 2) == 0)
        return point->hits >= n;
    if (strncmp(text, "<=", 2) == 0)
        return point->hits <= n;
    if (text[0] == '>')
        return point->hits > n;
    if (text[0] == '<')
        return point->hits < n;
    if (text[0] == '%')
        return n > 0 && point->hits % n == 0;
    return point->hits == n;
}

/* The message of a log breakpoint, expressions in braces evaluated: malloc'ed. */
static char *log_text(RiThread *T, const char *message)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    for (const char *at = message; *at != '\0'; at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (end == NULL) {
            fputc(*at, out);
            continue;
        }
        char *expression = strndup(at + 1, (size_t)(end - at - 1));
        ptrdiff_t top = T->top - T->stack;
        uint32_t count;
        bool ok = expression != NULL && ri_scope_eval(T, T, 0, expression, &count);
        RiValue v = ok && count == 0 ? ri_nil() : T->top[ok ? -(ptrdiff_t)count : -1];
        if (ri_is_string(v))
            fprintf(out, "%.*s", (int)((const RiString *)v.p)->size, ri_str_data(v.p));
        else
            ri_scope_write(out, T, v, 1);
        T->top = T->stack + top;
        free(expression);
        at = end;
    }
    fclose(out);
    return text;
}

/* Does the program stop at this one? *problem: its condition failed, malloc'ed. */
static bool is_reached(RiDebug *d, RiThread *T, RiDebugPoint *point, char **problem)
{
    if (point->disabled)
        return false;
    if (point->condition != NULL) {
        ptrdiff_t top = T->top - T->stack;
        uint32_t count;
        bool ok = ri_scope_eval(T, T, 0, point->condition, &count);
        bool holds = !ok || (count > 0 && !ri_is_falsy(T->top[-(ptrdiff_t)count]));
        if (!ok) {
            RiString *text = ri_to_string_raw(T, T->top[-1]);
            *problem = strdup(text != NULL ? ri_str_cstr(T->heap, text) : "(no message)");
        }
        T->top = T->stack + top;
        if (!holds)
            return false;
    }
    point->hits++;
    if (point->ignore > 0) {
        point->ignore--;
        return false;
    }
    if (!hits_are_enough(point))
        return false;
    if (point->log != NULL && *problem == NULL) {
        char *text = log_text(T, point->log);
        if (text != NULL && d->logged != NULL)
            d->logged(d, T, point, text);
        free(text);
        return false;
    }
    return true;
}

static bool stop_at_points(RiDebug *d, RiThread *T, const RiFeedback *feedback, uint32_t pc)
{
    RiDebugPoint *reached = NULL;
    char *problem = NULL;
    for (uint32_t i = 0; i < d->set.count; i++) {
        RiDebugSite site = d->set.items[i];
        if (site.feedback == feedback && site.pc == pc && site.point != NULL && is_reached(d, T, site.point, &problem) &&
            reached == NULL)
            reached = site.point;
    }
    if (reached == NULL)
        return false;
    RiDebugStop how = {.reason = RI_DEBUG_BREAKPOINT, .T = T, .point = reached, .text = problem};
    bool temporary = reached->temporary;
    int id = reached->id;
    stop(d, &how);
    free(problem);
    if (temporary && ri_debug_find_point(d, id) != NULL)
        ri_debug_delete_point(d, ri_debug_find_point(d, id));
    return true;
}

/* The level of the frame with that base; -1: it is gone. */
static int level_of_base(RiThread *T, uint32_t base)
{
    RiFrame frame;
    int level = 0;
    if (T->status == RI_THREAD_DEAD || T->status == RI_THREAD_FAILED)
        return -1;
    for (bool more = ri_frame_at(T, 0, &frame); more; more = ri_frame_caller(T, &frame), level++) {
        if (frame.base == base)
            return level;
    }
    return -1;
}

static char *watch_value(RiThread *T, RiThread *of, int level, const char *text, bool *ok)
{
    ptrdiff_t top = T->top - T->stack;
    uint32_t count;
    *ok = ri_scope_eval(T, of, level, text, &count);
    RiValue v = *ok && count == 0 ? ri_nil() : T->top[*ok ? -(ptrdiff_t)count : -1];
    char *value = ri_scope_text(T, v, 2);
    T->top = T->stack + top;
    return value;
}

/* True: one has changed, and the program has stopped for it. */
static bool look_at_watches(RiDebug *d, RiThread *T)
{
    for (uint32_t i = 0; i < d->watch_count; i++) {
        RiDebugWatch *watch = d->watches[i];
        if (watch->text == NULL || (watch->thread != NULL && watch->thread->process != T->process))
            continue;
        int level = watch->thread != NULL ? level_of_base(watch->thread, watch->base) : -1;
        bool is_gone = watch->thread != NULL && level < 0, ok = true;
        char *value = is_gone ? NULL : watch_value(T, watch->thread != NULL ? watch->thread : T, level, watch->text, &ok);
        if (!is_gone && (value == NULL || strcmp(value, watch->last) == 0)) {
            free(value);
            continue;
        }
        char *old = watch->last;
        watch->last = value;
        watch->hits++;
        RiDebugStop how = {.reason = RI_DEBUG_WATCH, .T = T, .watch = watch, .text = old};
        int id = watch->id;
        stop(d, &how);
        free(old);
        for (uint32_t k = 0; k < d->watch_count && is_gone; k++) {
            if (d->watches[k]->id == id)
                ri_debug_delete_watch(d, d->watches[k]);
        }
        return true;
    }
    return false;
}

static bool on_store(RiDebugger *core, RiThread *T, uint32_t address, bool is_done);
static void stop_for_memory(RiDebug *d, RiThread *T);

static void on_break(RiDebugger *core, RiThread *T)
{
    RiDebug *d = core->data;
    const RiFeedback *feedback = ((const RiClosure *)T->base[-2].cp)->feedback;
    uint32_t pc = T->pc - 1;
    if (d->is_ending)
        return;
    RiDebugStep before = d->step;
    if (d->written != NULL && d->written->pid == T->process->proc->pid) {
        stop_for_memory(d, T);
        return;
    }
    if (watches_expressions(d) && look_at_watches(d, T))
        return;
    if (stop_at_points(d, T, feedback, pc))
        return;
    Met met = meet_step(d, T, feedback, pc);
    if (met == MET_NOTHING)
        return;
    RiDebugStop how = {.reason = met == MET_ENTRY ? RI_DEBUG_ENTRY : met == MET_RETURN ? RI_DEBUG_FINISHED : RI_DEBUG_STEP, .T = T};
    if (met == MET_RETURN && before.base != d->step.base)
        how.result_count = 1;
    stop(d, &how);
}

static void serve(RiDebug *d, RiThread *T)
{
    if (!d->wants_service || d->served == NULL)
        return;
    d->wants_service = false;
    d->served(d, T);
}

/* A front end that is served says itself when there is to be a stop; of others each asking is for one. */
static bool takes_stop(RiDebug *d)
{
    bool is_wanted = d->wants_stop || d->served == NULL;
    d->wants_stop = false;
    return is_wanted;
}

static void on_pause(RiDebugger *core, RiThread *T)
{
    RiDebug *d = core->data;
    serve(d, T);
    RiDebugStop how = {.reason = RI_DEBUG_PAUSE, .T = T};
    if (takes_stop(d))
        stop(d, &how);
}

static void on_throw(RiDebugger *core, RiThread *T, RiCallStatus status, RiValue error, bool is_caught)
{
    RiDebug *d = core->data;
    (void)status;
    if (!(is_caught ? d->catches_caught : d->catches_uncaught) || d->is_ending)
        return;
    RiString *message = ri_to_string_raw(T, error);
    char *text = message != NULL ? strdup(ri_str_cstr(T->heap, message)) : ri_scope_text(T, error, 2);
    RiDebugStop how = {.reason = RI_DEBUG_ERROR, .T = T, .text = text, .error = error, .is_caught = is_caught};
    stop(d, &how);
    free(text);
}

static void on_signal(RiDebugger *core, RiThread *T, uint32_t number)
{
    RiDebug *d = core->data;
    if (!(d->signals & ri_signal_bit(number)))
        return;
    RiDebugStop how = {.reason = RI_DEBUG_SIGNAL, .T = T, .text = ri_signal_name(number)};
    stop(d, &how);
}

/* The last ones are kept, for lists; those that are over make room first. */
static void on_coroutine(RiDebugger *core, RiThread *co)
{
    RiDebug *d = core->data;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->coroutine_count && d->coroutine_count == RI_DEBUG_COROUTINES; i++) {
        if (d->coroutines[i]->status != RI_THREAD_DEAD && d->coroutines[i]->status != RI_THREAD_FAILED)
            d->coroutines[kept++] = d->coroutines[i];
    }
    if (d->coroutine_count == RI_DEBUG_COROUTINES)
        d->coroutine_count = kept;
    if (kept == RI_DEBUG_COROUTINES)
        memmove(d->coroutines, d->coroutines + 1, --d->coroutine_count * sizeof *d->coroutines);
    d->coroutines[d->coroutine_count++] = co;
}

static void add_thread(RiDebugThread *list, uint32_t *count, uint32_t limit, RiDebugThread thread)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (list[i].thread == thread.thread)
            return;
    }
    if (*count < limit && thread.thread != NULL) {
        thread.id = (int)(thread.pid * 1000000u + thread.thread->serial % 1000000u);
        list[(*count)++] = thread;
    }
}

static void list_process(RiDebug *d, RiProc *proc, RiDebugThread *list, uint32_t *count, uint32_t limit)
{
    RiProcess *process = proc->engine;
    for (RiNode *node = proc->tasks.next; node != &proc->tasks; node = node->next) {
        const RiTask *task = ri_task_of_node(node);
        const RiExecTask *x = task->engine;
        RiThread *T = d->heap->running;
        if (x != NULL && (T->process != process || task != d->machine->current) && x->running != NULL)
            T = x->running;
        else if (x != NULL && T->process != process)
            T = x->first;
        for (; T != NULL; T = T->resumer)
            add_thread(list, count, limit,
                       (RiDebugThread){.thread = T, .pid = proc->pid, .tid = task->tid, .name = proc->name,
                                       .is_coroutine = T->resumer != NULL});
    }
    for (uint32_t i = 0; i < d->coroutine_count; i++) {
        RiThread *co = d->coroutines[i];
        if (co->process == process && co->status != RI_THREAD_DEAD)
            add_thread(list, count, limit,
                       (RiDebugThread){.thread = co, .pid = proc->pid, .name = proc->name, .is_coroutine = true});
    }
    for (RiNode *node = proc->children.next; node != &proc->children; node = node->next) {
        if (ri_proc_of_node(node)->engine != NULL)
            list_process(d, ri_proc_of_node(node), list, count, limit);
    }
}

uint32_t ri_debug_threads(RiDebug *d, RiDebugThread *list, uint32_t limit)
{
    uint32_t count = 0;
    if (d->machine != NULL && d->machine->init != NULL && d->machine->init->engine != NULL)
        list_process(d, d->machine->init, list, &count, limit);
    return count;
}

/* Who was running T, among the process's threads and those of its children. */
static RiTask *task_of(const RiProc *proc, const RiThread *T)
{
    RiTask *found = NULL;
    for (RiNode *node = proc->tasks.next; node != &proc->tasks && proc->engine == T->process; node = node->next)
        found = found == NULL || ri_task_of_node(node)->state == RI_TASK_BLOCKED ? ri_task_of_node(node) : found;
    for (RiNode *node = proc->children.next; node != &proc->children && found == NULL; node = node->next)
        found = task_of(ri_proc_of_node(node), T);
    return found;
}

/* In the scheduler: nobody runs. Somebody who waits shows where; code can be run on the thread that ran last. */
static void on_request(RiMachine *machine)
{
    RiHeap *heap = machine->engine_data;
    RiDebugger *core = ri_debugger_of(heap);
    RiDebug *d = core != NULL ? core->data : NULL;
    if (d == NULL || core->is_busy || !core->wants_pause)
        return;
    if (machine->current != NULL && machine->current->state == RI_TASK_RUNNING)
        return; /* its safe point looks */
    RiTask *const current = machine->current;
    RiTask *task = current;
    if (task == NULL && heap->running != NULL && machine->init != NULL)
        task = task_of(machine->init, heap->running);
    if (task == NULL || heap->running == NULL)
        return; /* who ran last has ended: the next one that runs will look */
    uint8_t state = task->state;
    task->state = RI_TASK_RUNNING; /* as far as safe points of what is evaluated are concerned */
    machine->current = task;
    core->wants_pause = 0;
    core->is_busy = true;
    serve(d, heap->running);
    RiDebugStop how = {.reason = RI_DEBUG_PAUSE, .T = heap->running, .is_idle = true};
    if (takes_stop(d))
        stop(d, &how);
    task->state = state;
    machine->current = current;
    core->is_busy = false;
}

void ri_debug_ask(RiDebug *d, bool service)
{
    if (service)
        d->wants_service = true;
    else
        d->wants_stop = true;
    __atomic_add_fetch(&d->askers, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&d->is_over, __ATOMIC_SEQ_CST) && d->heap != NULL) {
        ri_debugger_ask_pause(&d->core);
        ri_machine_request(d->machine);
    }
    __atomic_sub_fetch(&d->askers, 1, __ATOMIC_SEQ_CST);
}

void ri_debug_detach(void *debug)
{
    RiDebug *d = debug;
    __atomic_store_n(&d->is_over, true, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&d->askers, __ATOMIC_SEQ_CST) > 0)
        sched_yield();
}

void ri_debug_attach(struct RiMachine *machine, void *debug)
{
    RiDebug *d = debug;
    d->machine = machine;
    d->heap = machine->engine_data;
    d->core = (RiDebugger){.data = d, .on_function = on_function, .on_break = on_break, .on_enter = on_enter,
                           .on_pause = on_pause, .on_coroutine = on_coroutine, .on_throw = on_throw, .on_signal = on_signal, .on_store = on_store};
    ri_debugger_attach(d->heap, &d->core);
    ri_heap_add_root(d->heap, &d->step, sizeof d->step);
    ri_heap_add_root(d->heap, d->coroutines, sizeof d->coroutines);
    machine->on_request = on_request;
    if (machine->request_fd < 0)
        machine->request_fd = ri_host_notifier();
    if (d->wants_service)
        ri_debugger_ask_pause(&d->core);
}

/* -- Watches ------------------------------------------------------------------------------------------------------- */

static RiDebugWatch *new_watch(RiDebug *d)
{
    if (d->watch_count == d->watch_capacity) {
        uint32_t capacity = d->watch_capacity * 2 + 8;
        RiDebugWatch **watches = realloc(d->watches, capacity * sizeof *watches);
        if (watches == NULL)
            return NULL;
        d->watches = watches;
        d->watch_capacity = capacity;
    }
    RiDebugWatch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->id = ++d->next_id;
    d->watches[d->watch_count++] = watch;
    return watch;
}

/* Does the text name a variable of the frame? Then its scope is the frame. */
static bool is_about_frame(RiThread *of, int level, const char *text)
{
    char name[100];
    for (const char *at = text; *at != '\0';) {
        size_t size = 0;
        while (isalnum((unsigned char)at[size]) || at[size] == '_')
            size++;
        RiValue v;
        snprintf(name, sizeof name, "%.*s", (int)(size < sizeof name ? size : sizeof name - 1), at);
        if (size > 0 && strcmp(name, "_ENV") != 0 && ri_scope_get(of, level, name, &v))
            return true;
        at += size > 0 ? size : 1;
    }
    return false;
}

RiDebugWatch *ri_debug_add_watch(RiDebug *d, RiThread *T, RiThread *of, int level, const char *text, char **message)
{
    bool ok;
    RiFrame frame;
    char *value = watch_value(T, of, level, text, &ok);
    *message = NULL;
    if (!ok) {
        *message = value;
        return NULL;
    }
    RiDebugWatch *watch = new_watch(d);
    if (watch == NULL)
        return NULL;
    watch->text = strdup(text);
    watch->last = value;
    if (ri_frame_at(of, level, &frame) && is_about_frame(of, level, text)) {
        watch->thread = of;
        watch->base = frame.base;
        ri_heap_add_root(d->heap, &watch->thread, sizeof watch->thread);
    }
    return watch;
}

/* -- Guest memory: pages that cannot be written, and a breakpoint behind the store ------------------------------------------- */

static bool protect(const RiThread *T, uint32_t address, uint32_t size, bool on)
{
    RiProc *proc = T->process->proc;
    uint32_t first = address & ~(uint32_t)(RI_PAGE_BYTES - 1);
    uint64_t end = ((uint64_t)address + size + RI_PAGE_BYTES - 1) & ~(uint64_t)(RI_PAGE_BYTES - 1);
    unsigned prot = on ? RI_PROT_READ : RI_PROT_READ | RI_PROT_WRITE;
    return proc != NULL && proc->space != NULL && ri_space_mprotect(proc->space, first, end - first, prot) == 0;
}

static bool shares_page(const RiDebugWatch *watch, uint32_t pid, uint32_t address)
{
    uint32_t page = address / RI_PAGE_BYTES;
    return watch->text == NULL && watch->pid == pid && page >= watch->address / RI_PAGE_BYTES &&
           page <= (watch->address + watch->size - 1) / RI_PAGE_BYTES;
}

static bool on_store(RiDebugger *core, RiThread *T, uint32_t address, bool is_done)
{
    RiDebug *d = core->data;
    bool is_ours = false;
    RiTrap trap;
    RiFrame frame;
    for (uint32_t i = 0; i < d->watch_count; i++) {
        RiDebugWatch *watch = d->watches[i];
        uint8_t now[sizeof watch->bytes];
        if (!shares_page(watch, T->process->proc->pid, address) || !protect(T, watch->address, watch->size, is_done))
            continue;
        is_ours = true;
        if (is_done && ri_space_copyin(T->process->proc->space, watch->address, now, watch->size, &trap) &&
            memcmp(now, watch->bytes, watch->size) != 0)
            d->written = watch;
    }
    bool found = d->written != NULL && is_done && ri_frame_at(T, 0, &frame);
    while (found && !frame.is_lua)
        found = ri_frame_caller(T, &frame);
    if (found) /* whatever the next instruction is, its frame stops before it */
        add_site(d, &d->steps, ((const RiClosure *)ri_frame_function(T, &frame).cp)->feedback, frame.pc);
    return is_ours;
}

static char *hex_of(const uint8_t *bytes, uint32_t size)
{
    char *text = malloc(size * 3 + 1);
    for (uint32_t i = 0; i < size && text != NULL; i++)
        snprintf(text + 3 * i, 4, "%02x ", bytes[i]);
    return text;
}

static void stop_for_memory(RiDebug *d, RiThread *T)
{
    RiDebugWatch *watch = d->written;
    uint8_t now[sizeof watch->bytes] = {0};
    RiTrap trap;
    d->written = NULL;
    (void)ri_space_copyin(T->process->proc->space, watch->address, now, watch->size, &trap);
    char *old = hex_of(watch->bytes, watch->size), *new = hex_of(now, watch->size), text[500];
    snprintf(text, sizeof text, "%s-> %s", old != NULL ? old : "", new != NULL ? new : "");
    free(old);
    free(new);
    memcpy(watch->bytes, now, sizeof now);
    watch->hits++;
    RiDebugStop how = {.reason = RI_DEBUG_MEMORY, .T = T, .watch = watch, .text = text};
    stop(d, &how);
}

RiDebugWatch *ri_debug_watch_memory(RiDebug *d, RiThread *T, uint32_t address, uint32_t size, char **message)
{
    RiProc *proc = T->process->proc;
    RiTrap trap;
    uint8_t bytes[sizeof((RiDebugWatch *)0)->bytes];
    *message = NULL;
    if (size < 1 || size > sizeof bytes)
        *message = strdup("between 1 and 64 bytes can be watched");
    else if (proc == NULL || proc->space == NULL || !ri_space_copyin(proc->space, address, bytes, size, &trap))
        *message = strdup("there is no memory at this address");
    else if (!protect(T, address, size, true))
        *message = strdup("the pages there cannot be protected");
    RiDebugWatch *watch = *message == NULL ? new_watch(d) : NULL;
    if (watch == NULL)
        return NULL;
    watch->address = address;
    watch->size = size;
    watch->pid = proc->pid;
    memcpy(watch->bytes, bytes, size);
    return watch;
}

/* The pages can be written again, unless another watch lies there. */
static void unwatch_memory(RiDebug *d, const RiDebugWatch *watch)
{
    const RiThread *T = d->heap->running;
    if (watch->text != NULL || T->process->proc == NULL || T->process->proc->pid != watch->pid)
        return;
    (void)protect(T, watch->address, watch->size, false);
    for (uint32_t i = 0; i < d->watch_count; i++) {
        if (d->watches[i] != watch && d->watches[i]->text == NULL && d->watches[i]->pid == watch->pid)
            (void)protect(T, d->watches[i]->address, d->watches[i]->size, true);
    }
}

void ri_debug_delete_watch(RiDebug *d, RiDebugWatch *watch)
{
    unwatch_memory(d, watch);
    d->written = d->written == watch ? NULL : d->written;
    if (watch->thread != NULL)
        ri_heap_remove_root(d->heap, &watch->thread, sizeof watch->thread);
    for (uint32_t i = 0; i < d->watch_count; i++) {
        if (d->watches[i] == watch) {
            memmove(&d->watches[i], &d->watches[i + 1], (--d->watch_count - i) * sizeof *d->watches);
            break;
        }
    }
    free(watch->text);
    free(watch->last);
    free(watch);
}
