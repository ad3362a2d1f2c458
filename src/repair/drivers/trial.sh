# Builds a project once with many changes behind a selector and runs its tests under each, in a private candidate.
# job.sh beside this file sets: BUILD (command), DIRS, MODE, MUTANTS, FOCUS (one name a line), CPU_S, CPU_MS (of one
# test), BATCH_S, GRACE (changes tried after one that makes everything pass), KIND.
here=$(cd "$(dirname "$0")" && pwd)
out="$here/out.txt"
: >"$out"
. "$here/job.sh"
root=$(pwd)
limit=""
if command -v timeout >/dev/null 2>&1; then limit="timeout -s KILL $((CPU_S * 5 + 5))"; fi
bounded() { # one run; CPU time and memory are limited for the whole script once the build is done
  $limit "$@" </dev/null 2>&1 | head -c 20000
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
ulimit -t "$CPU_S"
ulimit -v 6000000
place() { # to the folder an executable's tests expect to run in
  if [ -f "$1.place" ]; then read -r folder <"$1.place"; cd "$folder"; fi
}
while read -r exe; do
  if [ "$KIND" = go ]; then
    for dir in $DIRS; do
      [ "$exe" = "$here/bin/$(echo "$dir" | tr '/.' '__').test" ] && echo "$root/$dir" >"$exe.place"
    done
  else
    grep -F "\"executable\":\"$exe\"" "$here/build.json" | sed -n 's/.*"manifest_path":"\([^"]*\)\/Cargo.toml".*/\1/p' | head -1 >"$exe.place"
  fi
done <"$here/exes"
one() { # executable, test names, further arguments: some tests in one process
  ( place "$1"
  # Of several tests at most one may use its whole time: the limit is a multiple of what passing tests need.
  RIGHTSEAT_CPU_MS=$((CPU_MS + $(set -- $2; echo $(($# - 1))) * CPU_MS / 4))
  export RIGHTSEAT_CPU_MS
  if [ "$KIND" = go ]; then bounded "$1" -test.v -test.run "^$2\$"; else bounded "$1" --exact $2 --test-threads=1 $3; fi )
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
        [ -f "$profile" ] && sed -n 's/^.* [1-9][0-9]*$/@cover &/p' "$profile" >>"$out"
      else
        one "$exe" "$name" --nocapture >>"$out" 2>&1
      fi
      echo "@end" >>"$out"
      [ $(($(date +%s) - began)) -gt "$BATCH_S" ] && break
    done <"$here/names"
  done <"$here/exes"
  exit 0
fi
# Which of the wanted tests each executable has: asked once, as the executables do not change.
: >"$here/plan"
while read -r exe; do
  names "$exe" >"$here/names"
  has=""
  for name in $FOCUS; do grep -qxF "$name" "$here/names" && has="$has $name"; done
  [ -n "$has" ] && echo "$exe$has" >>"$here/plan"
done <"$here/exes"
count=0
left=1000000
for mutant in $MUTANTS; do
  count=$((count + 1))
  [ "$left" -le 0 ] && break
  left=$((left - 1))
  if [ $((count % 4)) = 0 ] && [ $(($(date +%s) - began)) -gt "$BATCH_S" ]; then break; fi
  export RIGHTSEAT_MUTANT="$mutant"
  echo "@mutant $mutant" >>"$out"
  said=$(while read -r exe has; do
    if [ "$KIND" = go ]; then
      # A change that hangs is not the repair: the rest of its tests would only cost time.
      for name in $has; do
        got=$(one "$exe" "$name")
        printf '%s\n' "$got"
        case "$got" in *"@hang"*) break 2 ;; esac
      done
    else one "$exe" "$has"; fi
  done <"$here/plan" 2>&1)
  printf '%s\n' "$said" >>"$out"
  case "$said" in
  *"... ok"* | *"--- PASS"* | *"1 passed"*)
    echo "@whole" >>"$out"
    bad=0
    while read -r exe; do
      every "$exe" >"$here/every.txt" 2>&1
      grep -E '^test .* \.\.\. |^ *--- (PASS|FAIL|SKIP)|^test result|^(PASS|FAIL)$|^ok ' "$here/every.txt" >>"$out"
      grep -qE '^test result|^(PASS|FAIL)$' "$here/every.txt" || { echo "@stopped" >>"$out"; bad=1; }
      grep -qE '^test .* \.\.\. FAILED|^ *--- FAIL|^FAIL$' "$here/every.txt" && bad=1
    done <"$here/exes"
    [ "$bad" = 0 ] && [ "$left" -gt "$GRACE" ] && left=$GRACE ;;
  esac
done
