/* Protected calls and messages of the command. */
#include "tools/tool.h"

#include <signal.h>
#include <stdio.h>

#include "vm/exec/breakpoint.h"
#include "vm/exec/engine.h"
#include "vm/exec/semantics.h"
#include "vm/host/fault.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"
#include "vm/exec/traceback.h"
#include "vm/exec/warn.h"

#define PATIENCE_MS 1000 /* with whoever is to read the last output of a program that was stopped */

/* The process that Ctrl-C interrupts, and how often it has. A signal handler gets no argument, so it cannot live in a
 * struct. */
static RiProcess *volatile interrupted_process;
static volatile int interrupt_count;

static void set_signal_handler(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

static void on_interrupt(int signal_number)
{
    RiProcess *process = interrupted_process;
    RiDebugger *debugger = ri_debugger_of(process->heap);
    if (debugger != NULL && debugger->on_pause != NULL && !debugger->wants_pause) {
        if (debugger->is_busy) { /* what it evaluates, if anything */
            process->interrupt = true;
            process->heap->budget = 0;
            return;
        }
        ri_debugger_ask_pause(debugger);
        ri_machine_request(process->proc->machine);
        return;
    }
    set_signal_handler(signal_number, SIG_DFL); /* a second one ends the program, wherever it hangs */
    ri_interrupt(process);
}

/* For who shall survive it: what catches the error is interrupted again at each safe point, from the second time on. */
static void on_patient_interrupt(int signal_number)
{
    static const char hint[] = "\n(still busy in foreign code; Ctrl-\\ ends rille)\n";
    (void)signal_number;
    ri_interrupt(interrupted_process);
    if (++interrupt_count > 1)
        interrupted_process->interrupt = RI_INTERRUPT_STICKY;
    if (interrupt_count == 4)
        ri_host_say(hint, sizeof hint - 1);
}

static void catch_interrupts(RiProcess *process, bool on)
{
    interrupted_process = process;
    set_signal_handler(SIGINT, on ? on_interrupt : SIG_DFL);
    if (!on)
        process->interrupt = false; /* too late to stop what has ended */
}

void ri_tool_message(const RiTool *tool, const char *text)
{
    if (tool->name != NULL)
        fprintf(stderr, "%s: ", tool->name);
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
}

bool ri_tool_report(const RiTool *tool, RiThread *T, int status)
{
    if (status == RI_OK)
        return true;
    RiString *message = ri_to_string_raw(T, T->top[-1]);
    const char *text = message != NULL ? ri_str_cstr(T->heap, message) : "(error message not a string)";
    const char *parts[] = {tool->name != NULL ? tool->name : "", tool->name != NULL ? ": " : "", text, "\n"};
    ri_process_complain(T->process, parts, RI_COUNTOF(parts)); /* wherever its descriptor 2 leads */
    T->top--;
    return false;
}

int ri_tool_call(RiThread *T, uint32_t nargs, int32_t wanted, uint32_t *result_count)
{
    catch_interrupts(T->process, true);
    RiCallStatus status = ri_pcall(T, nargs, wanted, ri_object(&ri_traceback_handler, RI_TAG_LIBFN), result_count);
    catch_interrupts(T->process, false);
    return (int)status;
}

int ri_tool_call_patiently(RiThread *T, uint32_t nargs, int32_t wanted, RiValue handler, uint32_t *result_count)
{
    interrupted_process = T->process;
    interrupt_count = 0;
    set_signal_handler(SIGINT, on_patient_interrupt);
    RiCallStatus status = ri_pcall(T, nargs, wanted, handler, result_count);
    catch_interrupts(T->process, false);
    return (int)status;
}

/* What --stats and --jit-stats show. */
static void print_stats(const RiTool *tool, RiThread *T)
{
    if (tool->stats == NULL || tool->is_silent)
        return;
    fflush(stdout);
    if (tool->jit.counts)
        ri_jit_print_stats(T->heap, stderr, tool->stats->opcodes);
    else
        ri_print_stats(T, tool->stats, tool->all_stats);
}

/* "prog.lua: stopped: cpu limit 300 ms", unless nobody takes it in time. */
static void say_stopped(const RiTool *tool, const RiProc *proc, int timeout_ms)
{
    if (!ri_host_takes_output(stderr, timeout_ms))
        return;
    char reason[100], text[400];
    ri_doom_describe(proc, reason, sizeof reason);
    snprintf(text, sizeof text, "%.200s: stopped: %s", proc->name, reason);
    ri_tool_message(tool, text);
}

/* From the ticker's thread, or for a process that was doomed while os.exit closed it. Whoever is busy for so long, in C code without
 * safe points, is not waited for: files lose what is buffered, as after SIGKILL. */
static void end_overrun(RiMachine *machine)
{
    const RiTool *tool = machine->overrun_data;
    if (machine->init == NULL || !__atomic_exchange_n(&machine->overrun_data, NULL, __ATOMIC_ACQ_REL))
        return; /* it is ending */
    RiProc proc = *machine->init;
    bool is_known = proc.doom > RI_DOOM_EXIT;
    proc.doom = is_known ? proc.doom : RI_DOOM_CPU;
    ri_host_flush_if_free(stdout, 0);
    say_stopped(tool, &proc, 0);
    if (tool->on_end != NULL)
        tool->on_end();
    ri_host_end(is_known ? proc.exit_status : RI_STATUS_STOPPED);
}

static int finish(RiTool *tool, RiThread *T, int status);

static void stop_control(RiTool *tool)
{
    if (tool->stop_control != NULL)
        tool->stop_control(tool);
}

/* The process has ended itself by process.exit, or was ended. In the second case nothing is closed: whoever stops a program
 * wants it to stop. */
static int finish_killed(RiTool *tool, RiThread *T)
{
    RiProc *proc = T->process->proc;
    int status = proc->exit_status;
    if (proc->doom == RI_DOOM_EXIT) {
        proc->doom = RI_DOOM_NONE;
        print_stats(tool, T);
        return finish(tool, T, status);
    }
    if (__atomic_exchange_n(&proc->machine->overrun_data, NULL, __ATOMIC_ACQ_REL) == NULL)
        ri_host_sleep_for_ever(); /* the ticker's thread has it in hand */
    stop_control(tool);
    ri_sched_end_ticks(proc->machine);
    ri_host_flush_if_free(stdout, PATIENCE_MS);
    say_stopped(tool, proc, PATIENCE_MS);
    print_stats(tool, T);
    if (tool->on_end != NULL)
        tool->on_end();
    ri_devices_finish(proc->machine);
    ri_host_flush_and_end(status);
}

/* Finalizers and pending __close may still be ended by a limit. */
static int finish(RiTool *tool, RiThread *T, int status)
{
    if (tool->on_return != NULL)
        tool->on_return();
    ri_process_close(T->process);
    if (T->process->proc->doom > RI_DOOM_EXIT)
        return finish_killed(tool, T);
    if (tool->on_close != NULL)
        tool->on_close(tool->on_machine_argument);
    stop_control(tool);
    ri_close(T);
    return status;
}

int ri_tool_run(RiTool *tool, const RiLibFn *body)
{
    (void)ri_fault_install(); /* without it, the software MMU does */
    RiThread *T = ri_open_machine(&tool->limits.machine);
    if (T == NULL) {
        ri_tool_message(tool, "cannot create state: not enough memory");
        return EXIT_FAILURE;
    }
    T->process->stats = tool->stats;
    T->process->proc->machine->survives_broken_pipes = true;
    T->process->proc->machine->overrun = end_overrun;
    T->process->proc->machine->overrun_data = tool;
    if (tool->on_machine != NULL)
        tool->on_machine(T->process->proc->machine, tool->on_machine_argument);
    if (!tool->jit_off)
        ri_jit_open(T->heap, &tool->jit); /* or interpret, where there is none */
    if (tool->raise_wall != NULL && !tool->raise_wall(tool, T->process->proc))
        return EXIT_FAILURE;
    if (tool->start_control != NULL && !tool->start_control(tool, T->process->proc->machine))
        return EXIT_FAILURE;
    if (!ri_limits_apply(&tool->limits, T->process->proc)) {
        ri_tool_message(tool, "cannot set limits: not enough memory");
        return EXIT_FAILURE;
    }
    ri_push(T, ri_object(body, RI_TAG_LIBFN));
    ri_push_link(T);
    ri_push(T, ri_object(&ri_traceback_handler, RI_TAG_LIBFN));
    ri_push(T, (RiValue){.p = tool, .tag = RI_TAG_LIGHT});
    ri_push(T, ri_int(0));
    catch_interrupts(T->process, true);
    RiCallStatus status = ri_pcall(T, 3, 2, ri_nil(), NULL);
    catch_interrupts(T->process, false);
    while (status == RI_KILLED) {
        uint32_t count;
        RiThread *next = ri_process_become(T, &count);
        if (next == NULL)
            return finish_killed(tool, T);
        T = next; /* process.exec */
        catch_interrupts(T->process, true);
        status = ri_pcall(T, count, 2, ri_nil(), NULL);
        catch_interrupts(T->process, false);
    }
    bool ok = status == RI_OK && !ri_is_falsy(T->top[-2]);
    if (!ok && ri_is_memory_limit(T, T->top[-1])) {
        ri_proc_doom(T->process->proc, RI_DOOM_MEMORY, 0);
        return finish_killed(tool, T);
    }
    if (status != RI_OK || (!ok && !ri_is_nil(T->top[-1])))
        ri_tool_report(tool, T, RI_ERRRUN);
    print_stats(tool, T);
    return finish(tool, T, ok ? EXIT_SUCCESS : EXIT_FAILURE);
}
