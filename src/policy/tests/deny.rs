//! Rules that forbid files, against every way to reach a file without its plain name.

use super::*;

fn files() -> Files {
    ["config/prod/a.yaml", "deploy/k8s.yaml", "src/a.rs", "src/gen/b.rs", "docs/x.md", "secrets/prod.yaml", "a.tar"]
        .iter()
        .fold(Files::default(), |files, name| files.file(&format!("/w/{name}"), "x"))
        .file("/w/.git/HEAD", "x")
        .file("/w/.git/config", "[core]\n\tbare = false\n")
        .file("/w/.git/index", "x")
        .tracks(&["config/prod/a.yaml", "deploy/k8s.yaml", "src/a.rs"], false)
        .link("/w/alias", "/w/config")
}

fn word(rules: &str, line: &str) -> RulingWord {
    let files = files();
    let place = Place { disk: Some(&files), ..Place::of("/w") };
    let (policy, fault) = Policy::with_file(tests(), "policy.toml", rules);
    assert_eq!(fault, None);
    policy.judge(&Matter::line(line, Path::new("/w")), &place).word
}

fn check(rules: &str, expect: RulingWord, lines: &[&str]) {
    let wrong: Vec<String> = lines
        .iter()
        .map(|line| (line, word(rules, line)))
        .filter(|(_, found)| *found != expect)
        .map(|w| format!("{w:?}"))
        .collect();
    assert!(wrong.is_empty(), "not {expect:?}:\n{}", wrong.join("\n"));
}

const FORBIDDEN: &str = "[[rule]]\nid=\"no\"\nruling=\"deny\"\npaths=[\"config/**\",\"deploy/**\"]\n\
    [[rule]]\nruling=\"allow\"\ncommands=[\"cp *\",\"mv *\",\"touch *\",\"rm *\",\"cargo check*\",\"tool build *\",\"mkdir *\",\"ln *\"]\n";

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_forbidden_directory_is_forbidden_from_wherever_it_is_reached() {
    check(
        FORBIDDEN,
        RulingWord::Deny,
        &[
            "cat config/prod/a.yaml",
            "cat ./config//prod/./a.yaml",
            "cat Config/prod/a.yaml",
            "cat /w/config/prod/a.yaml",
            "cat src/../config/prod/a.yaml",
            "cat alias/prod/a.yaml",
            "cd config && cat prod/a.yaml",
            "cd config; cat prod/a.yaml",
            "cd ./config/ && ls && cat prod/a.yaml",
            "cd src && cat ../config/prod/a.yaml",
            "cd src; cd ../config; cat prod/a.yaml",
            "cd src && cd .. && cat config/prod/a.yaml",
            "cd config/prod && cat a.yaml",
            "cd alias && cat prod/a.yaml",
            "cd alias/prod; cat a.yaml",
            "cd src || cd config && cat prod/a.yaml",
            "cd missing; cat config/prod/a.yaml",
            "pushd config && cat prod/a.yaml",
            "pushd config; cat prod/a.yaml; popd",
            "(cd config && cat prod/a.yaml)",
            "(cd config; cat prod/a.yaml) | head",
            "{ cd config; cat prod/a.yaml; }",
            "if cd config; then cat prod/a.yaml; fi",
            "for f in a; do cat prod/a.yaml; cd config; done",
            "f() { cat prod/a.yaml; }; cd config; f",
            "builtin cd config && cat prod/a.yaml",
            "command cd config; cat prod/a.yaml",
            "eval 'cd config' && cat prod/a.yaml",
            "sh -c 'cd config && cat prod/a.yaml'",
            "bash -c 'cat config/prod/a.yaml'",
            "cd config && bash -c 'cat prod/a.yaml'",
            "env -C config cat prod/a.yaml",
            "env --chdir=config cat prod/a.yaml",
            "env cat config/prod/a.yaml",
            "git -C config show HEAD:./prod/a.yaml",
            "git -C src show HEAD:config/prod/a.yaml",
            "git show HEAD:config/prod/a.yaml",
            "git -C config/prod diff a.yaml",
            "git log -L 1,5:config/prod/a.yaml",
            "git --work-tree=config add prod/a.yaml",
            "make -C config all",
            "tar -C deploy -xf a.tar",
            "tar -xf a.tar -C deploy",
            "tar --directory=deploy -xf a.tar",
            "cp src/a.rs deploy",
            "cp src/a.rs deploy/",
            "cp -r src deploy",
            "cp -t deploy src/a.rs",
            "cp --target-directory=deploy src/a.rs",
            "cp --target-directory deploy src/a.rs",
            "cp -tdeploy src/a.rs",
            "cd deploy && cp ../src/a.rs .",
            "cd src && cp a.rs ../deploy",
            "mv src/a.rs deploy",
            "mv deploy d2",
            "mv deploy/k8s.yaml .",
            "cp -r config /tmp",
            "rm -rf deploy",
            "rm -rf ./deploy/",
            "rm -rf .",
            "rm -r /w",
            "ln -s config c",
            "ln src/a.rs deploy/a.rs",
            "touch deploy/x",
            "cd deploy && touch new.yaml",
            "cd deploy; touch new.yaml",
            "mkdir deploy/new",
            "echo x > deploy/y",
            "cd deploy && echo x > y",
            "cd deploy; cat ../src/a.rs > y",
            "cat < config/prod/a.yaml",
            "cd config && cat < prod/a.yaml",
            "cat con*/prod/a.yaml",
            "cat */prod/*.yaml",
            "cat {config,src}/prod/a.yaml",
            "cat conf?g/prod/a.yaml",
            "sed -n 1,5p config/prod/a.yaml",
            "awk '{print}' config/prod/a.yaml",
            "grep -r x config",
            "rg x config/prod",
            "find config -name x",
            "ls config",
            "echo config/prod/a.yaml | xargs cat",
            "python3 -c \"print(open('config/prod/a.yaml').read())\"",
            "tool --out=deploy/x",
            "tool -odeploy/x",
            "tool -o deploy/x",
            "tool --files=src/a.rs,config/prod/a.yaml",
            "dd if=src/a.rs of=deploy/x",
            "rsync -a src/ deploy/",
            "rsync -a src/a.rs deploy",
            "xargs -I{} cp {} deploy",
            "find src -name a.rs -exec cp {} deploy ;",
            "docker run -v ./config:/c img",
            "wget -P deploy http://x",
            "wget -Odeploy/x http://x",
            "curl -o deploy/x http://x",
            "unzip x.zip -d deploy",
            "npm --prefix deploy install",
            "find . -name k8s.yaml -delete",
            "touch deploy/{a,b}",
        ],
    );
}

#[test]
fn what_is_next_to_a_forbidden_directory_is_not_forbidden() {
    check(
        FORBIDDEN,
        RulingWord::Allow,
        &[
            "cat src/a.rs",
            "cd src && cat a.rs",
            "cd src; cat a.rs",
            "touch src/n",
            "cp src/a.rs docs",
            "cp -r src docs",
            "rm -rf src/gen",
            "mv docs/x.md docs/y.md",
            "ls",
            "grep config src/a.rs",
            "rg deploy src",
            "rg 'config/' src",
            "echo config",
            "cargo check",
            "git status",
            "git log --oneline",
            "cd src && git status",
            "mkdir src/config",
            "find src -name deploy",
        ],
    );
    check(
        FORBIDDEN,
        RulingWord::Ask,
        &[
            // The target of a word, or the content below it, is unknown.
            "cd $X && cat src/a.rs",
            "cd - && cat a.yaml",
            "grep -r x .",
            "rg x",
            "git grep x",
            "git diff",
            "tool build .",
            "npm run deploy",
            "make deploy",
        ],
    );
}

#[test]
fn secrets_and_forbidden_files_are_not_read_through_their_directory() {
    let secret = files().file("/w/.env", "KEY=1").file("/w/lib/id_rsa", "k");
    let place = Place { disk: Some(&secret), ..Place::of("/w") };
    let policy = Policy::builtin(tests());
    let word = |line: &str| policy.judge(&Matter::line(line, Path::new("/w")), &place).word;
    for line in [
        "cat .env",
        "grep -r KEY .",
        "grep -rn KEY",
        "grep -R KEY .",
        "grep -d recurse KEY .",
        "grep --recursive KEY",
        "grep --directories=recurse KEY .",
        "rg --hidden KEY",
        "rg -uu KEY",
        "rg -. KEY",
        "rg KEY",
        "rg k lib",
        "rg -e k lib",
        "ag k lib",
        "grep -rh '' lib",
        "cd lib && grep -r k .",
        "cd lib; grep -r k",
        "cd lib; rg k",
        "cat < .env",
        "cat .e*",
        "cat lib/id*",
        "head < lib/id_rsa",
        "git show HEAD:.env",
        "cd lib; cat id_rsa",
        "diff -r lib src",
        "awk 1 .env",
        "sed -n 1p .env",
        "[ -s .env ] && cat .env",
    ] {
        assert_eq!(word(line), RulingWord::Ask, "{line}");
    }
    for line in ["rg x src", "grep -rn x src", "ls -la", "find . -name x", "grep x src/a.rs"] {
        assert_eq!(word(line), RulingWord::Allow, "{line}");
    }
    let read = "[[rule]]\nruling=\"deny\"\nkinds=[\"read\"]\npaths=[\"secrets/**\"]\n";
    check(
        read,
        RulingWord::Deny,
        &[
            "cat secrets/prod.yaml",
            "grep -r pw secrets/",
            "grep -r pw secrets",
            "rg pw secrets",
            "cat < secrets/prod.yaml",
            "cd secrets && cat prod.yaml",
            "wc -l < secrets/prod.yaml",
            "tar cf x.tar secrets",
            "tar cf x.tar .",
            "cp secrets/prod.yaml x",
            "cp -r . /tmp/x && ls secrets",
        ],
    );
    check(read, RulingWord::Ask, &["grep -rn pw .", "rg pw", "grep -r pw"]);
    check(read, RulingWord::Allow, &["grep -rn x src", "rg x src", "ls", "cat src/a.rs"]);
}

#[test]
fn a_forbidden_command_is_forbidden_however_it_is_started() {
    let rules =
        "[[rule]]\nruling=\"deny\"\ncommands=[\"git push *\",\"rm -rf *\",\"git commit *\",\"pip install *\"]\n";
    check(
        rules,
        RulingWord::Deny,
        &[
            "git -C . push origin main",
            "cd src && git push",
            "git status && git -c a.b=c push",
            "rm src -r --force",
            "sudo rm -fr src",
            "timeout 5 git --no-pager push",
            "xargs rm -r -f",
            "sh -c 'git -C src push'",
            "echo $(rm --recursive --force src)",
            "find . -exec rm -fr {} +",
            "git submodule foreach git push",
            "git submodule foreach 'git push'",
            "git rebase --exec 'git push' main",
            "npm exec -- rm -rf x",
            "nice -n 5 rm -rf x",
            "python3 -m pip install x",
        ],
    );
    check(rules, RulingWord::Allow, &["git status", "git log --grep push", "git -C . log --grep push"]);
    check(rules, RulingWord::Ask, &["git stash push", "rm -i src/a.rs", "git fetch"]);
}
