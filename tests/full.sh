# shellcheck shell=bash disable=SC2154
# Sourced by ./check --full, after its usual steps: what takes long.

step scripts 60 none shellcheck -x demo check bootstrap .ci/run tests/setup.sh
step format 60 none find src tests/unit tests/fuzz tests/peers/native bench \
	\( -name '*.[ch]' -o -name '*.cc' \) \
	-exec clang-format --dry-run -Werror {} +

# The servers' own endpoints: what fails here is a fault of the client scripts.
step peers-direct 1200 pytest env PEERS_DIRECT=1 PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest \
	-p no:cacheprovider -q -n 3 --dist loadfile tests/peers

tests it-asan-1 600 asan 1 tests/it
unit tsan
for workers in 1 4; do
	tests "it-plain-$workers" 600 plain $workers tests/it
	tests "it-tsan-$workers" 900 tsan $workers tests/it
	for build in plain tsan; do
		tests "peers-$build-$workers" 1200 $build $workers tests/peers \
			--ignore=tests/peers/test_delivery.py
	done
done

# The same through a listener with TLS of its own (what it does with TLS alone is topic 26).
# shellcheck disable=SC2046 # names of files, for the shell to expand
OVER=tls tests it-tls-4 600 plain 4 $(topics 02 03 04 05 06 08 11) -m "not full"

# Fault by fault and server by server; what was counted stands at the end of the log.
TOPICS=2 tests delivery-asan-4 1800 asan 4 tests/peers/test_delivery.py --dist load

FREEZE=60 tests react-native-60 900 plain 4 tests/peers/test_react_native.py -k stands_still \
	--dist load

memcheck="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite"
# shellcheck disable=SC2046
TOPICS=2 LAUNCHER=$memcheck tests it-valgrind-4 1800 plain 4 $(topics 02 03 06)

# A thousand sessions of each kind on two workers, for a minute, twice: loss, leaks, races.
for kind in plain asan tsan; do
	# shellcheck disable=SC2046
	TOPICS=0 tests "load-$kind-2" 1200 $kind 2 $(topics 10) --load 60
done

build clang CC=clang
unit clang
tests it-clang-4 600 clang 4 tests/it
build fuzzers CC=clang --enable-fuzzers --enable-asan --enable-ubsan

# shellcheck disable=SC2317 # called by step
fuzz() { # NAME OUT LOGS: for a minute, from the corpus that stands in the tree
	local options=(-max_total_time=60 -print_final_stats=1 "-artifact_prefix=$3/$1.")
	[ ! -f "tests/fuzz/$1.dict" ] || options+=("-dict=tests/fuzz/$1.dict")
	mkdir -p "$3/$1.corpus"
	"$2/fuzzers/tests/fuzz/$1" "${options[@]}" "$3/$1.corpus" "tests/fuzz/corpus/$1" \
		>"$3/$1.log" 2>&1 && return
	tail -n 40 "$3/$1.log"
	echo "$1: error: from build-check/logs/$1.log"
	return 1
}
export -f fuzz
# By the sources, so that a program that was not built is a failure and not forgotten.
# shellcheck disable=SC2016 # for the inner shell to expand
step fuzzers 1200 none bash -c 'printf "%s\n" tests/fuzz/fuzz_*.c | sed "s:.*/::; s:[.]c$::" |
	xargs -P "$(nproc)" -I{} bash -c "fuzz {} \"\$1\" \"\$2\"" fuzz "$1" "$2"' fuzzers "$out" "$logs"

# The Debian package on a machine that systemd runs.
step package 2400 pytest env PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest -p no:cacheprovider \
	"--basetemp=$out/tmp" -q -rs tests/package

step distcheck 1200 none make -C "$out/plain" distcheck
