/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model/precondition.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/util/cleanup.h"
#include "host/util/diag.h"

enum kind { KIND_COMPARE,
            KIND_AND,
            KIND_OR,
            KIND_NOT };
enum operator{ OP_EQ,
               OP_NE,
               OP_LE,
               OP_LT,
               OP_GE,
               OP_GT };

/* Longer spellings first: they begin with the shorter ones. */
static const struct {
        const char *text;
        enum operator op;
} operators[] = {
        { "==", OP_EQ },
        { "!=", OP_NE },
        { "<=", OP_LE },
        { ">=", OP_GE },
        { "=", OP_EQ },
        { "<", OP_LT },
        { ">", OP_GT },
};

/* Nodes stand in the order of the text, a parent before its children; `end` is the first node
 * behind all that is below this one.  So the tree needs no pointers and walks like a list. */
struct node {
        enum kind kind;
        enum operator op;
        const char *name; /* points into text */
        const char *value;
        const char *spelling; /* the operator as it was written */
        size_t end;
};

struct precondition {
        struct node nodes[PRECONDITION_NODES_MAX];
        size_t n_nodes;
        char text[]; /* twice the input: names and values, cut apart by NULs */
};

struct parser {
        struct precondition *p;
        const char *start;
        const char *at;
        char *free; /* where the next name or value is copied to */
        unsigned depth;
        struct diag *diag;
};

DEFINE_FREEP(struct precondition, precondition);

struct precondition *precondition_free(struct precondition *p)
{
        free(p);
        return NULL;
}

static int fault(const struct parser *s, const char *what)
{
        return diag_set(s->diag, -EBADMSG, "character %zu: %s", (size_t)(s->at - s->start) + 1,
                        what);
}

static void skip_blanks(struct parser *s)
{
        s->at += strspn(s->at, " \t\r\n");
}

static int add_node(struct parser *s, enum kind kind, size_t *ret)
{
        if (s->p->n_nodes == PRECONDITION_NODES_MAX)
                return diag_set(s->diag, -E2BIG, "more than %d terms", PRECONDITION_NODES_MAX);
        *ret = s->p->n_nodes++;
        s->p->nodes[*ret] = (struct node){ .kind = kind };
        return 0;
}

static const char *keep(struct parser *s, const char *text, size_t length)
{
        char *copy = s->free;

        memcpy(copy, text, length);
        copy[length] = '\0';
        s->free += length + 1;
        return copy;
}

static int parse_term(struct parser *s);

/* Terms with commas between them, up to the ")" or the end of the text. */
static int parse_list(struct parser *s)
{
        int r;

        for (;;) {
                r = parse_term(s);
                if (r < 0)
                        return r;
                skip_blanks(s);
                if (*s->at != ',')
                        return 0;
                s->at++;
        }
}

static int parse_function(struct parser *s, enum kind kind)
{
        size_t node = 0;
        int r;

        if (++s->depth > PRECONDITION_DEPTH_MAX)
                return diag_set(s->diag, -E2BIG, "nested deeper than %d", PRECONDITION_DEPTH_MAX);
        s->at++; /* "(" */
        r = add_node(s, kind, &node);
        if (r == 0)
                r = kind == KIND_NOT ? parse_term(s) : parse_list(s);
        if (r < 0)
                return r;
        skip_blanks(s);
        if (*s->at != ')')
                return fault(s, kind == KIND_NOT ? "expected )" : "expected , or )");
        s->at++;
        s->depth--;
        s->p->nodes[node].end = s->p->n_nodes;
        return 0;
}

static int parse_value(struct parser *s, const char **ret)
{
        size_t length;

        skip_blanks(s);
        if (*s->at == '"') {
                length = strcspn(s->at + 1, "\"");
                if (!s->at[1 + length])
                        return fault(s, "the quoted value does not end");
                *ret = keep(s, s->at + 1, length);
                s->at += length + 2;
                return 0;
        }
        length = strcspn(s->at, " \t\r\n,()<>=!\"");
        if (length == 0)
                return fault(s, "expected a value");
        *ret = keep(s, s->at, length);
        s->at += length;
        return 0;
}

static int parse_comparison(struct parser *s, const char *name, size_t length)
{
        struct node *node;
        size_t index = 0;
        size_t i;
        int r;

        for (i = 0; i < ARRAY_SIZE(operators); i++)
                if (strncmp(s->at, operators[i].text, strlen(operators[i].text)) == 0)
                        break;
        if (i == ARRAY_SIZE(operators))
                return fault(s, "expected one of = != < <= > >=");
        r = add_node(s, KIND_COMPARE, &index);
        if (r < 0)
                return r;
        node = &s->p->nodes[index];
        node->op = operators[i].op;
        node->spelling = operators[i].text;
        node->name = keep(s, name, length);
        node->end = s->p->n_nodes;
        s->at += strlen(operators[i].text);
        return parse_value(s, &node->value);
}

static int parse_term(struct parser *s)
{
        static const struct {
                const char *name;
                enum kind kind;
        } functions[] = { { "AND", KIND_AND }, { "OR", KIND_OR }, { "NOT", KIND_NOT } };
        const char *name;
        size_t length;
        size_t i;

        skip_blanks(s);
        name = s->at;
        if (!isalpha((unsigned char)*name))
                return fault(s, "expected AND, OR, NOT or the name of a fact");
        while (isalnum((unsigned char)*s->at) || (*s->at && strchr("._-/", *s->at)))
                s->at++;
        length = (size_t)(s->at - name);
        skip_blanks(s);
        if (*s->at != '(')
                return parse_comparison(s, name, length);
        for (i = 0; i < ARRAY_SIZE(functions); i++)
                if (strlen(functions[i].name) == length &&
                    strncasecmp(functions[i].name, name, length) == 0)
                        return parse_function(s, functions[i].kind);
        s->at = name;
        return fault(s, "no such function; there are AND, OR and NOT");
}

int precondition_new(const char *text, struct diag *diag, struct precondition **ret)
{
        CLEANUP(precondition_freep)
        struct precondition *p = NULL;
        struct parser s = { .start = text, .at = text, .diag = diag };
        size_t length = strlen(text);
        size_t root = 0;
        int r;

        if (length > PRECONDITION_TEXT_MAX)
                return diag_set(diag, -E2BIG, "longer than %d bytes", PRECONDITION_TEXT_MAX);
        /* An operator of one character makes room for the NUL of a name; a value of one character
         * at the end needs another, so twice the length is always enough. */
        p = calloc(1, sizeof(*p) + 2 * length + 2);
        if (!p)
                return diag_set(diag, -ENOMEM, "out of memory");
        s.p = p;
        s.free = p->text;

        r = add_node(&s, KIND_AND, &root);
        skip_blanks(&s);
        if (r == 0 && *s.at) {
                r = parse_list(&s);
                if (r == 0 && *s.at)
                        r = fault(&s, "expected , or the end");
        }
        if (r < 0)
                return r;
        p->nodes[root].end = p->n_nodes;
        *ret = TAKE_PTR(p);
        return 0;
}

/* ----------------------------------------------------------------------------------- evaluation */

static bool to_number(const char *text, double *ret)
{
        char *end;

        /* strtod() also takes blanks, hexadecimal, "inf" and "nan", none of which is a number
         * here. */
        if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
                return false;
        *ret = strtod(text, &end);
        return *end == '\0' && end != text;
}

static bool same_text(const char *a, const char *b)
{
        bool boolean = strcasecmp(b, "true") == 0 || strcasecmp(b, "false") == 0;

        return boolean ? strcasecmp(a, b) == 0 : strcmp(a, b) == 0;
}

static enum truth compare(const struct node *node, const char *fact)
{
        double a;
        double b;

        if (!fact)
                return TRUTH_UNKNOWN;
        if (!to_number(fact, &a) || !to_number(node->value, &b)) {
                if (node->op != OP_EQ && node->op != OP_NE)
                        return TRUTH_UNKNOWN;
                return same_text(fact, node->value) == (node->op == OP_EQ) ? TRUTH_TRUE
                                                                           : TRUTH_FALSE;
        }
        switch (node->op) {
        case OP_EQ:
                return a >= b && a <= b ? TRUTH_TRUE : TRUTH_FALSE;
        case OP_NE:
                return a < b || a > b ? TRUTH_TRUE : TRUTH_FALSE;
        case OP_LE:
                return a <= b ? TRUTH_TRUE : TRUTH_FALSE;
        case OP_LT:
                return a < b ? TRUTH_TRUE : TRUTH_FALSE;
        case OP_GE:
                return a >= b ? TRUTH_TRUE : TRUTH_FALSE;
        case OP_GT:
                return a > b ? TRUTH_TRUE : TRUTH_FALSE;
        }
        return TRUTH_UNKNOWN;
}

struct facts {
        precondition_lookup_fn lookup;
        void *data;
};

static enum truth evaluate(const struct precondition *p, size_t index, const struct facts *facts)
{
        const struct node *node = &p->nodes[index];
        /* What decides at once: a false one for AND, a true one for OR. */
        enum truth decisive = node->kind == KIND_OR ? TRUTH_TRUE : TRUTH_FALSE;
        enum truth result = node->kind == KIND_OR ? TRUTH_FALSE : TRUTH_TRUE;
        size_t child;

        if (node->kind == KIND_COMPARE)
                return compare(node, facts->lookup(facts->data, node->name));
        if (node->kind == KIND_NOT) {
                result = evaluate(p, index + 1, facts);
                if (result == TRUTH_UNKNOWN)
                        return result;
                return result == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
        }
        for (child = index + 1; child < node->end; child = p->nodes[child].end) {
                enum truth one = evaluate(p, child, facts);

                if (one == decisive)
                        return one;
                if (one == TRUTH_UNKNOWN)
                        result = one;
        }
        return result;
}

enum truth precondition_evaluate(const struct precondition *p, precondition_lookup_fn lookup,
                                 void *data)
{
        const struct facts facts = { lookup, data };

        return evaluate(p, 0, &facts);
}

/* ---------------------------------------------------------------------------------- explanation */

struct sentence {
        char *buf;
        size_t size;
        size_t length;
};

static void say(struct sentence *s, const char *text)
{
        size_t length = strlen(text);

        if (s->length + length + 1 > s->size)
                length = s->size - s->length - 1;
        memcpy(s->buf + s->length, text, length);
        s->length += length;
        s->buf[s->length] = '\0';
}

static void explain_comparison(const struct node *node, const struct facts *facts,
                               struct sentence *s)
{
        const char *fact = facts->lookup(facts->data, node->name);

        say(s, node->name);
        say(s, node->spelling);
        say(s, node->value);
        if (fact) {
                say(s, " (is ");
                say(s, fact);
                say(s, ")");
        } else {
                say(s, " (unknown)");
        }
}

/* Says what of a term that is not true stands in its way; below NOT everything does. */
static void explain(const struct precondition *p, size_t index, const struct facts *facts, bool all,
                    struct sentence *s)
{
        const struct node *node = &p->nodes[index];
        bool first = true;
        size_t child;

        switch (node->kind) {
        case KIND_COMPARE:
                explain_comparison(node, facts, s);
                return;
        case KIND_NOT:
                say(s, "not (");
                explain(p, index + 1, facts, true, s);
                say(s, ")");
                return;
        case KIND_AND:
        case KIND_OR:
                break;
        }
        if (index && node->kind == KIND_OR)
                say(s, "(");
        for (child = index + 1; child < node->end; child = p->nodes[child].end) {
                if (!all && evaluate(p, child, facts) == TRUTH_TRUE)
                        continue;
                if (!first)
                        say(s, node->kind == KIND_OR ? " or " : " and ");
                first = false;
                explain(p, child, facts, all, s);
        }
        if (index && node->kind == KIND_OR)
                say(s, ")");
}

const char *precondition_explain(const struct precondition *p, precondition_lookup_fn lookup,
                                 void *data, char *buf, size_t size)
{
        const struct facts facts = { lookup, data };
        struct sentence s = { .buf = buf, .size = size };

        buf[0] = '\0';
        if (evaluate(p, 0, &facts) == TRUTH_TRUE)
                return buf;
        explain(p, 0, &facts, false, &s);
        if (s.length + 1 == size && size > 4) {
                /* Cut in the middle of a character at worst: step back to the start of one. */
                size_t at = size - 4;

                while (at > 0 && ((unsigned char)buf[at] & 0xc0) == 0x80)
                        at--;
                memcpy(buf + at, "...", sizeof("..."));
        }
        return buf;
}
