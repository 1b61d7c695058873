/* The terminal: see terminal.h. */
#include "vm/host/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Signal handlers get no argument, and the terminal is one for the host process. */
static struct {
    struct termios before;
    volatile sig_atomic_t is_taken;
} ri_terminal_state;

/* Another screen, no cursor; and back. */
static const char enter[] = "\033[?1049h\033[?25l", leave[] = "\033[?25h\033[?1049l";

bool ri_terminal_is(int fd)
{
    return isatty(fd);
}

static void write_out(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t put = write(STDOUT_FILENO, text, size);
        if (put < 0 && errno != EINTR)
            return;
        text += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
}

void ri_terminal_end(void)
{
    if (!ri_terminal_state.is_taken)
        return;
    ri_terminal_state.is_taken = 0;
    write_out(leave, sizeof leave - 1);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &ri_terminal_state.before);
}

static void on_signal(int number)
{
    ri_terminal_end();
    signal(number, SIG_DFL);
    raise(number);
}

static void on_resize(int number)
{
    (void)number; /* it only interrupts the wait for a key */
}

static void set_handler(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

bool ri_terminal_begin(void)
{
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &ri_terminal_state.before) != 0)
        return false;
    struct termios raw = ri_terminal_state.before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
        return false;
    ri_terminal_state.is_taken = 1;
    set_handler(SIGINT, on_signal);
    set_handler(SIGTERM, on_signal);
    set_handler(SIGHUP, on_signal);
    set_handler(SIGWINCH, on_resize);
    write_out(enter, sizeof enter - 1);
    return true;
}

void ri_terminal_size(int *rows, int *columns)
{
    struct winsize size = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *rows = known && size.ws_row > 0 ? size.ws_row : 24;
    *columns = known && size.ws_col > 0 ? size.ws_col : 80;
}

/* The next byte, if it comes in time; -1: none, -2: the end. */
static int next_byte(int timeout_ms)
{
    unsigned char byte;
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&wait, 1, timeout_ms) <= 0)
        return -1;
    return read(STDIN_FILENO, &byte, 1) == 1 ? byte : -2;
}

int ri_terminal_key(int timeout_ms)
{
    static const struct {
        const char *sequence;
        int key;
    } sequences[] = {{"[A", RI_KEY_UP}, {"[B", RI_KEY_DOWN}, {"OA", RI_KEY_UP}, {"OB", RI_KEY_DOWN}, {"[5~", RI_KEY_PAGE_UP},
                     {"[6~", RI_KEY_PAGE_DOWN}, {"[H", RI_KEY_HOME}, {"[F", RI_KEY_END}, {"[1~", RI_KEY_HOME}, {"[4~", RI_KEY_END}};
    char read_so_far[8] = "";
    int byte = next_byte(timeout_ms);
    if (byte != 27)
        return byte == -2 ? 'q' : byte;
    for (size_t size = 0; size + 1 < sizeof read_so_far && (byte = next_byte(20)) >= 0; size++) {
        read_so_far[size] = (char)byte;
        for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
            if (strcmp(read_so_far, sequences[i].sequence) == 0)
                return sequences[i].key;
        }
        if (size > 0 && byte >= '@')
            return RI_KEY_NONE; /* a key of no use here */
    }
    return read_so_far[0] == '\0' ? 27 : RI_KEY_NONE;
}
