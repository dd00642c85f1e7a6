/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin-check/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>

#include "host/plugin/abi.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"

static void cleanup_elf(Elf **elf)
{
        (void)elf_end(*elf); /* takes NULL */
}

/* Appends to a list for people, with "..." where it ends too early. */
static void append_name(char list[SYMBOLS_NAMES_MAX], const char *name)
{
        size_t length = strlen(list);
        size_t room = SYMBOLS_NAMES_MAX - length;

        if ((size_t)snprintf(list + length, room, "%s%s", length ? ", " : "", name) >= room)
                memcpy(list + SYMBOLS_NAMES_MAX - 4, "...", 4);
}

static void look_at_symbol(const GElf_Sym *symbol, const char *name, struct symbols *ret)
{
        unsigned char binding = GELF_ST_BIND(symbol->st_info);
        unsigned char visibility = GELF_ST_VISIBILITY(symbol->st_other);

        if (symbol->st_shndx == SHN_UNDEF || binding == STB_LOCAL)
                return;
        if (visibility == STV_HIDDEN || visibility == STV_INTERNAL)
                return;
        if (strcmp(name, UB_PLUGIN_ENTRY) == 0 && GELF_ST_TYPE(symbol->st_info) == STT_FUNC) {
                ret->has_entry = true;
                return;
        }
        /* The name of a version node in a linker map is not a symbol anybody can bind to. */
        if (symbol->st_shndx == SHN_ABS)
                return;
        ret->others++;
        append_name(ret->names, name);
}

static void look_at_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                            struct symbols *ret)
{
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Sym symbol;
        int i;

        for (i = 0; data && gelf_getsym(data, i, &symbol); i++) {
                const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);

                if (name && *name)
                        look_at_symbol(&symbol, name, ret);
        }
}

static void look_at_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
                            struct symbols *ret)
{
        Elf_Data *data = elf_getdata(section, NULL);
        const char *name;
        GElf_Dyn dyn;
        int i;

        for (i = 0; data && gelf_getdyn(data, i, &dyn); i++) {
                switch (dyn.d_tag) {
                case DT_NEEDED:
                        name = elf_strptr(elf, header->sh_link, dyn.d_un.d_val);
                        append_name(ret->libraries, name ? name : "?");
                        break;
                case DT_FLAGS:
                        ret->bind_now |= (dyn.d_un.d_val & DF_BIND_NOW) != 0;
                        ret->text_relocations |= (dyn.d_un.d_val & DF_TEXTREL) != 0;
                        break;
                case DT_FLAGS_1:
                        ret->bind_now |= (dyn.d_un.d_val & DF_1_NOW) != 0;
                        ret->no_delete |= (dyn.d_un.d_val & DF_1_NODELETE) != 0;
                        break;
                case DT_TEXTREL:
                        ret->text_relocations = true;
                        break;
                default:
                        break;
                }
        }
}

int symbols_read(const char *path, struct diag *diag, struct symbols *ret)
{
        CLEANUP_CLOSE int fd = -1;
        CLEANUP(cleanup_elf) Elf *elf = NULL;
        struct symbols symbols = { 0 };
        Elf_Scn *section = NULL;
        GElf_Shdr header;
        GElf_Ehdr file;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return diag_set_errno(diag, -errno, "%s", path);
        if (elf_version(EV_CURRENT) == EV_NONE)
                return diag_set(diag, -ENOSYS, "libelf: %s", elf_errmsg(-1));
        elf = elf_begin(fd, ELF_C_READ, NULL);
        if (!elf || !gelf_getehdr(elf, &file) || file.e_type != ET_DYN)
                return diag_set(diag, -ENOEXEC, "%s: not an ELF shared object", path);

        while ((section = elf_nextscn(elf, section)) && gelf_getshdr(section, &header)) {
                if (header.sh_type == SHT_DYNSYM)
                        look_at_symbols(elf, section, &header, &symbols);
                else if (header.sh_type == SHT_DYNAMIC)
                        look_at_dynamic(elf, section, &header, &symbols);
        }
        *ret = symbols;
        return 0;
}
