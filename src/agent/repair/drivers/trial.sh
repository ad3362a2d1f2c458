# Builds a project once with many changes behind a selector and runs its tests under each, in a private candidate.
# job.sh beside this file sets: BUILD (command), DIRS, MODE, MUTANTS, FOCUS (one name a line), CPU_S, BATCH_S, KIND.
here=$(cd "$(dirname "$0")" && pwd)
out="$here/out.txt"
: >"$out"
. "$here/job.sh"
root=$(pwd)
limit=""
if command -v timeout >/dev/null 2>&1; then limit="timeout -s KILL $((CPU_S * 5 + 5))"; fi
bounded() { # cpu seconds and memory of one run
  ( ulimit -t "$CPU_S"; ulimit -v 6000000; exec $limit "$@" ) </dev/null 2>&1 | tail -c 20000
}
rm -rf "$here/bin" "$here/cov"
mkdir -p "$here/bin" "$here/cov"
if [ "$KIND" = rust ]; then
  eval "$BUILD" >"$here/build.json" 2>"$here/build.txt" || { echo "@build failed" >>"$out"; exit 0; }
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' "$here/build.json" | sort -u >"$here/exes"
else
  : >"$here/exes"
  : >"$here/build.txt"
  for dir in $DIRS; do
    exe="$here/bin/$(echo "$dir" | tr '/.' '__').test"
    ( cd "$dir" && eval "$BUILD" -o "$exe" . ) >>"$here/build.txt" 2>&1 || { echo "@build failed" >>"$out"; exit 0; }
    [ -x "$exe" ] && echo "$exe" >>"$here/exes"
  done
fi
echo "@built" >>"$out"
place() { # the folder an executable's tests expect to run in
  if [ "$KIND" = go ]; then
    for dir in $DIRS; do
      [ "$1" = "$here/bin/$(echo "$dir" | tr '/.' '__').test" ] && { cd "$root/$dir"; return; }
    done
  else
    manifest=$(grep -F "\"executable\":\"$1\"" "$here/build.json" | sed -n 's/.*"manifest_path":"\([^"]*\)\/Cargo.toml".*/\1/p' | head -1)
    [ -n "$manifest" ] && cd "$manifest"
  fi
}
one() { # executable, test name: one test on its own
  if [ "$KIND" = go ]; then ( place "$1"; bounded "$1" -test.v -test.run "^$2\$" )
  else ( place "$1"; bounded "$1" --exact "$2" --test-threads=1 $3 ); fi
}
every() { # executable: all its tests
  if [ "$KIND" = go ]; then ( place "$1"; bounded "$1" -test.v ); else ( place "$1"; bounded "$1" ); fi
}
names() { # executable: its tests
  if [ "$KIND" = go ]; then ( place "$1"; bounded "$1" -test.list '.*' | grep '^Test' )
  else ( place "$1"; bounded "$1" --list --format terse | sed -n 's/: test$//p' ); fi
}
began=$(date +%s)
if [ "$MODE" = baseline ]; then
  while read -r exe; do
    echo "@exe $exe" >>"$out"
    names "$exe" >"$here/names"
    while read -r name; do
      echo "@case $name" >>"$out"
      if [ "$KIND" = go ]; then
        profile="$here/cov/profile"
        rm -f "$profile"
        ( place "$exe"; bounded "$exe" -test.v -test.run "^$name\$" -test.coverprofile "$profile" ) >>"$out" 2>&1
        [ -f "$profile" ] && sed -n 's/^\(.*\) [1-9][0-9]*$/@cover \1/p' "$profile" >>"$out"
      else
        one "$exe" "$name" --nocapture >>"$out" 2>&1
      fi
      echo "@end" >>"$out"
      [ $(($(date +%s) - began)) -gt "$BATCH_S" ] && break
    done <"$here/names"
  done <"$here/exes"
  exit 0
fi
for mutant in $MUTANTS; do
  [ $(($(date +%s) - began)) -gt "$BATCH_S" ] && break
  export RIGHTSEAT_MUTANT="$mutant"
  echo "@mutant $mutant" >>"$out"
  : >"$here/focus.txt"
  while read -r exe; do
    for name in $FOCUS; do one "$exe" "$name" "" >>"$here/focus.txt" 2>&1; done
  done <"$here/exes"
  grep -E '^test .* \.\.\. |^ *--- (PASS|FAIL|SKIP)' "$here/focus.txt" >>"$out"
  if grep -qE '^test .* \.\.\. ok|^--- PASS' "$here/focus.txt"; then
    echo "@whole" >>"$out"
    while read -r exe; do
      every "$exe" >"$here/every.txt" 2>&1
      grep -E '^test .* \.\.\. |^ *--- (PASS|FAIL|SKIP)|^test result|^(PASS|FAIL)$|^ok ' "$here/every.txt" >>"$out"
      grep -qE '^test result|^(PASS|FAIL)$' "$here/every.txt" || echo "@stopped" >>"$out"
    done <"$here/exes"
  fi
done
