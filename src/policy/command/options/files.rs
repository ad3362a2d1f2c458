//! Everyday tools on files.

use super::{NONE, Operands, Profile};

const GREP_LONG: &str = "recursive ignore-case line-number count files-with-matches \
     files-without-match fixed-strings extended-regexp basic-regexp invert-match word-regexp line-regexp only-matching \
     color colour with-filename no-filename quiet silent perl-regexp no-messages byte-offset text initial-tab null \
     line-buffered no-ignore-case";

const GREP_VALUED: &str =
    "include exclude exclude-dir max-count context after-context before-context regexp binary-files label";

/// Programs whose first operand is what they look for.
const fn search(program: &'static str, short: &'static str, valued: &'static str, long: &'static str) -> Profile {
    Profile { pattern: Some("e regexp"), ..look(program, short, valued, long) }
}

const fn look(program: &'static str, short: &'static str, valued: &'static str, long: &'static str) -> Profile {
    Profile { program, looks: true, short, valued, long, ..NONE }
}

const fn say(program: &'static str, short: &'static str, valued: &'static str, long: &'static str) -> Profile {
    Profile { operands: Operands::Texts, ..look(program, short, valued, long) }
}

const fn bare(program: &'static str, short: &'static str) -> Profile {
    Profile { looks: false, operands: Operands::AtMost(0), ..look(program, short, "", "") }
}

/// Left out on purpose: `id`, `whoami`, `hostname` (about the machine, not the workspace; only a rule covers them),
/// `less`, `man`, `bat` (start programs), `awk`, `env`, `git`, `ps` (arguments of others), `tail -f` (never ends), `rg
/// --pre`, `file -m`, `diff -r`, `rg -L`, `find -L` (follow links out), `fd -l` (starts `ls`), and whatever writes.
pub(super) const READERS: &[Profile] = &[
    look("pwd", "LP", "", ""),
    say("true false", "", "", ""),
    say("echo", "neE", "", ""),
    Profile { operands: Operands::Format, ..look("printf", "", "", "") },
    look(
        "ls",
        "1aAlhrtSRdFisnopXUgGmkcuCxQqNbB",
        "",
        "all almost-all recursive reverse human-readable directory classify inode size color sort time time-style full-time \
         group-directories-first no-group si author format indicator-style hide literal numeric-uid-gid",
    ),
    look("cat", "AbeEnstTuv", "", "number show-all number-nonblank squeeze-blank show-ends show-tabs show-nonprinting"),
    look("head", "qvz0123456789", "nc", "lines bytes quiet silent verbose"),
    look("tail", "qvz0123456789", "nc", "lines bytes quiet silent verbose"),
    look("wc", "clmLw", "", "bytes chars lines words max-line-length"),
    look("nl", "p", "bnwshifvdl", ""),
    look("tac", "br", "s", ""),
    look("rev", "", "", ""),
    look("stat", "t", "c", "format printf terse"),
    look("du", "abchkmsx0", "d", "max-depth human-readable summarize all total bytes apparent-size exclude"),
    say("basename", "az", "s", "suffix multiple zero"),
    say("dirname", "z", "", "zero"),
    look("realpath", "emsz", "", "canonicalize-existing canonicalize-missing relative-to relative-base no-symlinks"),
    look("readlink", "femnz", "", "canonicalize"),
    look("cut", "sz", "bcdf", "fields delimiter characters bytes only-delimited complement output-delimiter"),
    look("sha256sum sha1sum sha512sum md5sum b2sum", "bt", "", ""),
    look("cksum", "", "", ""),
    look("cmp", "bls", "n", ""),
    look("comm", "123z", "", "output-delimiter"),
    look(
        "diff",
        "abBqsuwNyiE0123456789",
        "U",
        "unified brief ignore-all-space ignore-space-change side-by-side color ignore-case ignore-blank-lines \
         strip-trailing-cr",
    ),
    Profile { long_valued: GREP_VALUED, ..search("grep", "abcEFGhHilLnoqrsvwxzyIPTUZ0123456789", "ABCme", GREP_LONG) },
    Profile {
        long_valued: GREP_VALUED,
        ..search("egrep fgrep", "abchHilLnoqrsvwxzyITUZ0123456789", "ABCme", GREP_LONG)
    },
    Profile {
        pattern: Some("e regexp files type-list"),
        long_valued: "glob iglob type type-not max-count context after-context before-context max-columns max-depth sort \
                      sortr color regexp replace colors context-separator max-filesize threads",
        ..look(
            "rg",
            "cFhHilnNoqsSUvwxPp0u.0123456789",
            "ABCegmtTMrdj",
            "count count-matches fixed-strings ignore-case files-with-matches files-without-match line-number \
             no-line-number only-matching word-regexp line-regexp files hidden no-hidden heading no-heading json multiline \
             multiline-dotall smart-case stats trim vimgrep with-filename no-filename column no-config case-sensitive \
             no-ignore no-ignore-vcs no-ignore-parent invert-match pretty type-list quiet null text crlf passthru \
             no-messages unrestricted glob-case-insensitive byte-offset block-buffered line-buffered unicode",
        )
    },
    Profile {
        long_valued: "context after before depth ignore file-search-regex",
        ..search(
            "ag",
            "aciHlLnQsSvwW0123456789",
            "ABCGm",
            "all-types count ignore-case files-with-matches hidden literal nocolor nogroup noheading numbers smart-case \
             word-regexp unrestricted color column",
        )
    },
    look(
        "sort",
        "bdfgiMhnRrVuzcCms",
        "kt",
        "unique reverse numeric-sort ignore-case key field-separator general-numeric-sort human-numeric-sort \
         version-sort check stable month-sort ignore-leading-blanks dictionary-order zero-terminated",
    ),
    Profile {
        operands: Operands::AtMost(1),
        ..look(
            "uniq",
            "cduizD",
            "fsw",
            "count repeated unique ignore-case skip-fields skip-chars check-chars all-repeated",
        )
    },
    Profile { operands: Operands::AtMost(1), ..look("xxd", "bpueiEC", "lcgso", "") },
    look("od", "bcdosxv", "ANjtw", ""),
    look("hexdump", "Cbcdovx", "ns", ""),
    look("strings", "a", "nte", ""),
    look("column", "tx", "sc", "table separator"),
    look("fold", "bs", "w", "width spaces bytes"),
    look("join", "i", "12aejotv", "ignore-case header"),
    look("fmt", "cstu", "wgp", "width split-only uniform-spacing"),
    look("expand unexpand", "ia", "t", "tabs initial all first-only"),
    look("shasum", "bt", "a", "algorithm binary text"),
    look("paste", "sz", "d", "delimiters serial"),
    look("file", "bi", "", "brief mime mime-type mime-encoding"),
    look(
        "tree",
        "adfiFpsughDtrcUxnCASNqvJXQ",
        "LPI",
        "dirsfirst filesfirst prune noreport gitignore matchdirs ignore-case du si sort filelimit charset",
    ),
    Profile {
        single: "H P name iname path ipath wholename regex iregex regextype type maxdepth mindepth mtime mmin ctime \
                 cmin atime amin size empty not or and o a print print0 prune depth perm user group readable writable \
                 executable links newer inum xdev mount daystart true false ls printf quit samefile",
        ..look("find", "", "", "")
    },
    look(
        "fd fdfind",
        "HIsigapF01q",
        "edtESc",
        "hidden no-ignore case-sensitive ignore-case glob absolute-path full-path fixed-strings extension max-depth \
         min-depth type exclude size color max-results quiet",
    ),
    Profile {
        never: "env ENV import include modulemeta input_filename get_search_list",
        pattern: Some("from-file f"),
        ..look(
            "jq",
            "rcneSsaMCjR",
            "",
            "raw-output compact-output null-input exit-status sort-keys slurp tab indent color-output \
             monochrome-output arg argjson args raw-input join-output ascii-output",
        )
    },
    say("tr", "cdstC", "", "complement delete squeeze-repeats truncate-set1"),
    say("seq", "w", "sf", "equal-width separator"),
    say("expr", "", "", ""),
    say("which", "as", "", "all"),
    say("type", "afptP", "", ""),
    Profile {
        single: "f d e r w x s L h n z eq ne gt lt ge le nt ot a o O G k p S b c",
        never: "[ ] $ ` (",
        ..look("test [", "", "", "")
    },
    Profile { operands: Operands::Plus, ..look("date", "uR", "d", "utc universal iso-8601 rfc-3339 rfc-email date") },
    bare("uname", "asnrvmpio"),
    bare("whoami nproc", ""),
    bare("id", "ugGnr"),
    bare("hostname", "s"),
];

const fn write(program: &'static str, short: &'static str, valued: &'static str, long: &'static str) -> Profile {
    Profile { program, short, valued, long, ..NONE }
}

/// The tools that write at their operands, with the options that a rule with `*` may cover. Options that name a target,
/// set rights, follow or make links unseen, or delete on the way are left out.
pub(super) const WRITERS: &[Profile] = &[
    write("mkdir", "pv", "", "parents verbose"),
    write("touch", "acm", "dt", "no-create date time"),
    write("cp", "rRafpivnudxT", "", "recursive archive force verbose no-clobber preserve update interactive"),
    write("mv", "fivnuT", "", "force verbose no-clobber update interactive"),
    write("ln", "sfnvr", "", "symbolic force verbose relative"),
    write("rm", "rRfvidI", "", "recursive force verbose dir interactive one-file-system"),
    write("rmdir", "pv", "", "parents verbose"),
    write("tee", "ai", "", "append ignore-interrupts"),
    write("chmod", "Rvc", "", "recursive verbose changes"),
    write("gzip gunzip bzip2 xz zstd", "kdfvtlq0123456789", "", "keep decompress force verbose test list quiet"),
    write("zip", "rq0123456789jXy", "", ""),
    write("truncate", "", "s", "size"),
    write("split", "d", "lbnC", "lines bytes number"),
    write("dos2unix unix2dos", "kq", "", ""),
];
