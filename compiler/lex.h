/* Source text to tokens. */
#ifndef RI_COMPILER_LEX_H
#define RI_COMPILER_LEX_H

#include "compiler/diag.h"
#include "compiler/mem.h"

enum RiTokenKind { /* below: a character that stands for itself */
    RI_TOKEN_BEFORE_FIRST = 256,
#define KEYWORD(id, text, first, last) RI_TOKEN_##id,
#define SYMBOL(id, text) RI_TOKEN_##id,
#define CLASS(id, text) RI_TOKEN_##id,
#include "compiler/tokens.def"
#undef KEYWORD
#undef SYMBOL
#undef CLASS
    RI_TOKEN_END_OF_LIST
};

typedef struct RiToken {
    int kind;
    const char *start; /* in the source */
    union {
        RiString *string; /* names and strings */
        int64_t integer;
        double number;
    };
} RiToken;

#define RI_NAME_CACHE_SIZE 128 /* recently met names, by a cheap hash */

typedef struct RiLexer {
    RiToken token;      /* the current one */
    const char *at;     /* first byte not read */
    const char *end;
    const char *pause_at; /* when reading gets here, it is time to see whether it shall go on */
    uint32_t line;      /* where reading has got to: the last line of the token read last */
    uint32_t last_line; /* the same for the token before the current one */
    bool has_ahead;
    RiToken ahead;      /* token after the current one, if has_ahead */
    RiHeap *heap;
    RiFailure *failure;
    RiString *names[RI_NAME_CACHE_SIZE];
    RI_VEC(RiString *) long_strings; /* hash set: equal literals of a chunk are one string */
    uint32_t long_string_count;
} RiLexer;

/* Start reading [source, source + size). The first token is read by ri_lex_next. */
void ri_lex_init(RiLexer *lexer, RiHeap *heap, RiFailure *failure, const char *source, size_t size);

/* Go on to the next token. Collects: yes. Throws syntax errors. */
void ri_lex_next(RiLexer *lexer);

/* The kind of the token after the current one. */
int ri_lex_peek(RiLexer *lexer);

/* The string of these bytes; equal ones are the same object within a chunk, whatever their length. */
RiString *ri_lex_string(RiLexer *lexer, const char *bytes, size_t size);

/* The reserved words, NULL behind the last. */
extern const char *const ri_lex_keywords[];

#define RI_TOKEN_TEXT_MAX 16
/* How messages call a kind of token: "'then'", "'='", "<name>". */
const char *ri_token_text(int kind, char buffer[RI_TOKEN_TEXT_MAX]);

/* Throw "message near <current token>". */
RI_NORETURN void ri_lex_error(RiLexer *lexer, const char *message);
/* Throw a message about meaning, without "near". */
RI_NORETURN void ri_lex_error_plain(RiLexer *lexer, const char *message);

#endif
