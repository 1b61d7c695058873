/* Completion scripts for bash, zsh and fish, of the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "tools/help.h"
#include "tools/tool.h"

/* Call each(argument, word, size) for every spelling of an option. */
static void each_spelling(const RiHelpOption *option, void (*each)(const RiHelpOption *, const char *, size_t))
{
    for (const char *at = option->spelling; *at != '\0'; at += strspn(at, ", ")) {
        size_t size = strcspn(at, ",");
        each(option, at, size);
        at += size;
    }
}

static void each_option(const char *command, void (*each)(const RiHelpOption *option))
{
    for (const RiHelpOption *option = ri_help_options; option->command != NULL; option++) {
        if (strcmp(option->command, command) == 0)
            each(option);
    }
}

/* Is the value one of some words, "on|off"? */
static bool has_words(const RiHelpOption *option)
{
    return strchr(option->value, '|') != NULL;
}

/* Does the value stand behind '=' (the spelling says so)? */
static bool is_joined(const char *word, size_t size)
{
    return word[size - 1] == '=';
}

static bool is_name_of_file(const RiHelpOption *option)
{
    return strcmp(option->value, "FILE") == 0 || strcmp(option->value, "SOCKET") == 0;
}

/* In single quotes of a shell. */
static void print_quoted(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
    putchar('\'');
}

static void print_names(void)
{
    RiHelp help;
    for (size_t i = 0; ri_help_command(i, &help); i++)
        printf("%s%s", i > 0 ? " " : "", help.name);
}

/* -- bash -------------------------------------------------------------------------------------------------------- */

/* Each word of "on|off" with what is before it. */
static void print_joined_words(const char *word, size_t size, const char *values)
{
    while (*values != '\0') {
        size_t length = strcspn(values, "|");
        printf(" %.*s%.*s", (int)size, word, (int)length, values);
        values += length + (values[length] == '|');
    }
}

static void bash_spelling(const RiHelpOption *option, const char *word, size_t size)
{
    if (is_joined(word, size) && has_words(option))
        print_joined_words(word, size, option->value);
    else
        printf(" %.*s", (int)size, word);
}

static void bash_option(const RiHelpOption *option)
{
    each_spelling(option, bash_spelling);
}

/* `case $prev in -o|--out) …` for values that are names or words. */
static void bash_value(const RiHelpOption *option)
{
    bool is_folder = strcmp(option->value, "FOLDER") == 0;
    if (strchr(option->spelling, '=') != NULL || (!is_name_of_file(option) && !is_folder && !has_words(option)))
        return;
    printf("        %s:", option->command);
    for (const char *at = option->spelling; *at != '\0'; at += strspn(at, ", ")) {
        size_t size = strcspn(at, ",");
        printf("%s%.*s", at == option->spelling ? "" : "|*:", (int)size, at);
        at += size;
    }
    if (!has_words(option)) {
        printf(") COMPREPLY=($(compgen -%c -- \"$cur\")); return ;;\n", is_folder ? 'd' : 'f');
        return;
    }
    printf(") COMPREPLY=($(compgen -W '");
    for (const char *at = option->value; *at != '\0'; at++)
        putchar(*at == '|' ? ' ' : *at);
    printf("' -- \"$cur\")); return ;;\n");
}

static void print_bash(void)
{
    RiHelp help;
    printf("# bash completion of rille: made by `rille completion bash`\n"
           "_rille()\n{\n"
           "    local cur prev command=run options i=1\n"
           "    cur=${COMP_WORDS[COMP_CWORD]}\n    prev=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    COMPREPLY=()\n"
           "    # --option=word is three words for bash, and only the last one is completed\n"
           "    local joined=$cur strip=\n"
           "    if [[ $cur == = ]]; then joined=$prev=; strip=$joined\n"
           "    elif [[ $prev == = ]]; then strip=${COMP_WORDS[COMP_CWORD-2]}=; joined=$strip$cur; fi\n"
           "    local commands='");
    print_names();
    printf("'\n"
           "    if [[ $COMP_CWORD -gt 1 && \" $commands \" == *\" ${COMP_WORDS[1]} \"* ]]; then command=${COMP_WORDS[1]}; fi\n"
           "    case $command:$prev in\n");
    for (size_t i = 0; ri_help_command(i, &help); i++)
        each_option(help.name, bash_value);
    printf("        help:*) COMPREPLY=($(compgen -W \"$commands --man --names\" -- \"$cur\")); return ;;\n"
           "        completion:*) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return ;;\n"
           "    esac\n"
           "    case $command in\n");
    for (size_t i = 0; ri_help_command(i, &help); i++) {
        printf("        %s) options='--help", help.name);
        each_option(help.name, bash_option);
        if (help.runs && strcmp(help.name, "run") != 0)
            each_option("run", bash_option);
        printf("' ;;\n");
    }
    printf("    esac\n"
           "    if [[ $joined == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$options\" -- \"$joined\"))\n"
           "        COMPREPLY=(\"${COMPREPLY[@]#\"$strip\"}\")\n"
           "        [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=-] ]] && compopt -o nospace\n"
           "        return\n"
           "    fi\n"
           "    compopt -o filenames 2>/dev/null\n"
           "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "    if [[ $COMP_CWORD -eq 1 ]]; then COMPREPLY+=($(compgen -W \"$commands\" -- \"$cur\")); fi\n"
           "}\n"
           "complete -F _rille rille\n");
}

/* -- zsh --------------------------------------------------------------------------------------------------------- */

/* '-o[what it does]:FILE:_files': brackets, colons and backslashes are escaped. */
static void zsh_spelling(const RiHelpOption *option, const char *word, size_t size)
{
    char text[600];
    size_t at = (size_t)snprintf(text, sizeof text, "*%.*s[", (int)size, word);
    for (const char *from = option->text; *from != '\0' && at + 3 < sizeof text; from++) {
        if (strchr("[]:\\", *from) != NULL)
            text[at++] = '\\';
        text[at++] = *from;
    }
    text[at] = '\0';
    printf("            ");
    if (word[size - 1] == '-')
        memmove(text, text + 1, strlen(text)); /* --allow-NAME: only shown */
    strncat(text, "]", sizeof text - strlen(text) - 1);
    char action[200] = "";
    if (has_words(option)) {
        snprintf(action, sizeof action, ":value:(%s)", option->value);
        for (char *bar = action; *bar != '\0'; bar++)
            *bar = *bar == '|' ? ' ' : *bar;
    } else if (strcmp(option->value, "FOLDER") == 0) {
        snprintf(action, sizeof action, ":folder:_files -/");
    } else if (is_name_of_file(option)) {
        snprintf(action, sizeof action, ":file:_files");
    } else if (*option->value != '\0' && word[size - 1] != '-') {
        snprintf(action, sizeof action, ":value: ");
    }
    strncat(text, action, sizeof text - strlen(text) - 1);
    print_quoted(text);
    printf(" \\\n");
}

static void zsh_option(const RiHelpOption *option)
{
    each_spelling(option, zsh_spelling);
}

static void print_zsh(void)
{
    RiHelp help;
    printf("#compdef rille\n# zsh completion of rille: made by `rille completion zsh`\n"
           "_rille_command()\n{\n    case $1 in\n");
    for (size_t i = 0; ri_help_command(i, &help); i++) {
        printf("        %s) _arguments -S '--help[this text]' \\\n", help.name);
        each_option(help.name, zsh_option);
        if (help.runs && strcmp(help.name, "run") != 0)
            each_option("run", zsh_option);
        if (strcmp(help.name, "help") == 0) {
            printf("            '*:command:(");
            print_names();
            printf(")' ;;\n");
        } else {
            printf("            '*:file:%s' ;;\n", strcmp(help.name, "completion") == 0 ? "(bash zsh fish)" : "_files");
        }
    }
    printf("    esac\n}\n\n_rille()\n{\n    local -a commands=(\n");
    for (size_t i = 0; ri_help_command(i, &help); i++) {
        char text[400];
        snprintf(text, sizeof text, "%s:%s", help.name, help.summary);
        printf("        ");
        print_quoted(text);
        putchar('\n');
    }
    printf("    )\n"
           "    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
           "        _describe command commands\n        _files\n"
           "    elif (( ${commands[(I)$words[2]:*]} )); then\n"
           "        local name=$words[2]\n        words=(\"rille $name\" \"${(@)words[3,-1]}\")\n        (( CURRENT-- ))\n"
           "        _rille_command $name\n"
           "    else\n        _rille_command run\n    fi\n}\n\n"
           "if [[ $funcstack[1] == _rille ]]; then\n    _rille \"$@\"\nelse\n    compdef _rille rille\nfi\n");
}

/* -- fish -------------------------------------------------------------------------------------------------------- */

static void fish_spelling(const RiHelpOption *option, const char *word, size_t size)
{
    bool is_long = size > 2 && word[1] == '-', joined = is_joined(word, size);
    const char *name = word + 1 + is_long;
    printf(" -%c %.*s", is_long ? 'l' : 's', (int)(size - (size_t)(name - word) - joined), name);
    (void)option;
}

static void fish_rest(const RiHelpOption *option)
{
    each_spelling(option, fish_spelling);
    if (has_words(option)) {
        printf(" -x -a '");
        for (const char *at = option->value; *at != '\0'; at++)
            putchar(*at == '|' ? ' ' : *at);
        putchar('\'');
    } else if (*option->value != '\0') {
        printf(is_name_of_file(option) || strcmp(option->value, "FOLDER") == 0 ? " -r" : " -x");
    }
    printf(" -d ");
    print_quoted(option->text);
    putchar('\n');
}

static void print_fish(void)
{
    RiHelp help;
    printf("# fish completion of rille: made by `rille completion fish`\nset -l commands ");
    print_names();
    printf("\n");
    for (size_t i = 0; ri_help_command(i, &help); i++) {
        printf("complete -c rille -n \"__fish_is_first_arg\" -a %s -d ", help.name);
        print_quoted(help.summary);
        putchar('\n');
    }
    for (const RiHelpOption *option = ri_help_options; option->command != NULL; option++) {
        bool is_run = strcmp(option->command, "run") == 0;
        printf("complete -c rille -n \"");
        printf(is_run ? "not __fish_seen_subcommand_from $commands; or __fish_seen_subcommand_from run"
                      : "__fish_seen_subcommand_from %s", option->command);
        if (is_run) {
            for (size_t i = 0; ri_help_command(i, &help); i++)
                printf("%s%s", help.runs && strcmp(help.name, "run") != 0 ? " " : "",
                       help.runs && strcmp(help.name, "run") != 0 ? help.name : "");
        }
        printf("\"");
        fish_rest(option);
    }
    printf("complete -c rille -n \"__fish_seen_subcommand_from completion\" -x -a 'bash zsh fish'\n"
           "complete -c rille -n \"__fish_seen_subcommand_from help\" -x -a \"$commands\"\n");
}

bool ri_help_completion(const char *shell)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < RI_COUNTOF(shells); i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].print();
            fflush(stdout);
            return true;
        }
    }
    return false;
}
