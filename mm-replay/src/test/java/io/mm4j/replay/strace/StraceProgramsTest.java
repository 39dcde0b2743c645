// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.replay.CheckResult;
import io.mm4j.replay.Engines;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs that begin in the middle of a log, and maps that programs read. */
class StraceProgramsTest {
  private static final String MAPS =
      """
      00400000-00401000 r--p 00000000 08:02 1 /tmp/t
      7ffff7ff7000-7ffff7ffb000 r--p 00000000 00:00 0 [vvar]
      7ffff7ffb000-7ffff7ffd000 r--p 00000000 00:00 0 [vvar_vclock]
      7ffff7ffd000-7ffff7fff000 r-xp 00000000 00:00 0 [vdso]
      7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
      ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
      """;

  private static final String ANON = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0";

  @TempDir Path folder;

  private Verdict replay(String log, String maps) throws IOException {
    Path file = Files.writeString(folder.resolve("x.strace"), log.formatted(ANON), UTF_8);
    Files.deleteIfExists(folder.resolve("x.maps"));
    if (!maps.isEmpty()) {
      Files.writeString(folder.resolve("x.maps"), maps, UTF_8);
    }
    return Engines.replay().replay(new Recording(file, RecordingKind.STRACE));
  }

  private Verdict exact(long results, String log, String maps) throws IOException {
    Verdict verdict = replay(log, maps);
    assertTrue(verdict.exact(), verdict::toString);
    CheckResult check = verdict.check("results").orElseThrow();
    assertEquals(results, check.equal(), verdict::toString);
    assertFalse(check.extra().containsKey("not_followed"), verdict::toString);
    return verdict;
  }

  @Test
  void aChildOfVforkRunsWhatItFindsAtLast() throws IOException {
    String log =
        """
        10 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
        10 vfork( <unfinished ...>
        11 execve("/none/x", ["x"], 0x7f /* 3 vars */) = -1 ENOENT (No such file or directory)
        11 execve("/nor/x", ["x"], 0x7f /* 3 vars */) = -1 ENOENT (No such file or directory)
        11 mmap(NULL, 4096, %1$s) = 0x7ffff7ff5000
        11 execve("/usr/bin/x", ["x"], 0x7f /* 3 vars */ <unfinished ...>
        10 <... vfork resumed>) = 11
        11 <... execve resumed>) = 0
        11 brk(NULL) = 0x562938524000
        10 mmap(NULL, 4096, %1$s) = 0x7ffff7ff4000
        11 mmap(NULL, 8192, %1$s) = 0x7f1000000000
        11 mmap(NULL, 8192, %1$s) = 0x7f0fffffe000
        11 brk(0x562938545000) = 0x562938545000
        11 +++ exited with 0 +++
        10 munmap(0x7ffff7ff4000, 12288) = 0
        """;
    exact(6, log, MAPS);
    assertTrue(replay(log.replace("0x7f0fffffe000", "0x7f0fffffd000"), MAPS).differs());
  }

  @Test
  void aProgramMayRunAnotherTwiceAndItsLimitsStay() throws IOException {
    exact(
        5,
        """
        10 execve("/bin/a", ["a"], 0x7f /* 3 vars */) = 0
        10 brk(NULL) = 0x555500000000
        10 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
        10 prlimit64(0, RLIMIT_AS, {rlim_cur=4096*1024, rlim_max=RLIM64_INFINITY}, NULL) = 0
        10 execve("/bin/b", ["b"], 0x7f /* 3 vars */) = 0
        10 brk(NULL) = 0x555600000000
        10 mmap(NULL, 4096, %1$s) = 0x7fff00006000
        10 mmap(NULL, 8388608, %1$s) = -1 ENOMEM (Cannot allocate memory)
        10 execve("/bin/c", ["c"], 0x7f /* 3 vars */) = 0
        10 brk(NULL) = 0x555700000000
        10 brk(0x555700001000) = 0x555700001000
        10 mmap(NULL, 4096, %1$s) = 0x7ffe00006000
        10 mmap(NULL, 4096, %1$s) = 0x7ffe00005000
        10 mmap(NULL, 8388608, %1$s) = -1 ENOMEM (Cannot allocate memory)
        """,
        "");
  }

  @Test
  void whatAForkedChildWorksOnWasItsParents() throws IOException {
    String log =
        """
        10 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
        10 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 11
        11 mmap(NULL, 4096, %1$s) = 0x7ffff7ff5000
        11 mprotect(0x7ffff7ff5000, 8192, PROT_READ) = 0
        11 mprotect(0x7ffff0000000, 4096, PROT_READ) = 0
        11 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 12
        12 mprotect(0x7ffff0000000, 8192, PROT_NONE) = 0
        """;
    exact(4, log, "");
    // What it has unmapped it has no more, wherever it came from.
    String gone = log.replace("11 clone", "11 munmap(0x7ffff0000000, 4096) = 0\n11 clone");
    assertTrue(replay(gone, "").differs());
  }

  @Test
  void whatPrctlHasSetStaysBehindAnExec() throws IOException {
    String log =
        """
        10 execve("/bin/a", ["a"], 0x7f /* 3 vars */) = 0
        10 brk(NULL) = 0x555500000000
        10 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
        10 prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) = 0
        10 execve("/bin/b", ["b"], 0x7f /* 3 vars */) = 0
        10 mmap(NULL, 4096, %1$s) = 0x7fff00006000
        10 mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 EACCES (Permission denied)
        """;
    exact(2, log, "");
    // Nobody inherits it: the same call in the second program succeeds.
    String spared =
        log.replace("EXEC_GAIN", "EXEC_GAIN|PR_MDWE_NO_INHERIT")
            .replace("-1 EACCES (Permission denied)", "0x7fff00005000");
    exact(2, spared, "");
    assertTrue(replay(spared.replace("|PR_MDWE_NO_INHERIT", ""), "").differs());
  }

  @Test
  void aThreadThatRunsAProgramTakesItsProcesssNumber() throws IOException {
    exact(
        3,
        """
        20 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
        20 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND, exit_signal=0}, 88) = 21
        20 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND, exit_signal=0}, 88) = 22
        22 pause( <unfinished ...>
        20 futex(0x7f, FUTEX_WAIT, 21, NULL <unfinished ...>
        21 execve("/bin/b", ["b"], 0x7f /* 3 vars */ <unfinished ...>
        22 <... pause resumed>) = ?
        22 +++ exited with 0 +++
        20 +++ superseded by execve in pid 21 +++
        20 <... execve resumed>) = 0
        20 brk(NULL) = 0x555600000000
        20 mmap(NULL, 4096, %1$s) = 0x7fff00006000
        20 mmap(NULL, 4096, %1$s) = 0x7fff00005000
        20 brk(0x555600001000) = 0x555600001000
        """,
        MAPS);
  }

  private static String shown(String... lines) {
    String text = String.join("\\n", lines) + "\\n";
    return "7 openat(AT_FDCWD, \"/proc/self/maps\", O_RDONLY) = 3\n7 read(3, \""
        + text
        + "\", 4096) = "
        + text.replace("\\n", "\n").length()
        + "\n7 read(3, \"\", 4096) = 0\n";
  }

  private static final String[] AS_GIVEN = {
    "00400000-00401000 r--p 00000000 08:02 1 /tmp/t",
    "7ffff7ff5000-7ffff7ff7000 rw-p 00000000 00:00 0 ",
    "7ffff7ff7000-7ffff7ffb000 r--p 00000000 00:00 0 [vvar]",
    "7ffff7ffb000-7ffff7ffd000 r--p 00000000 00:00 0 [vvar_vclock]",
    "7ffff7ffd000-7ffff7fff000 r-xp 00000000 00:00 0 [vdso]",
    "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]",
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]"
  };

  private Verdict read(String... lines) throws IOException {
    return replay("7 mmap(NULL, 8192, %1$s) = 0x7ffff7ff5000\n" + shown(lines), MAPS);
  }

  private static String[] with(int at, String... lines) {
    List<String> all = new ArrayList<>(List.of(AS_GIVEN));
    all.remove(at);
    all.addAll(at, List.of(lines));
    return all.toArray(String[]::new);
  }

  @Test
  void mapsThatAProgramReadAreCompared() throws IOException {
    Verdict verdict = read(AS_GIVEN);
    assertTrue(verdict.exact(), verdict::toString);
    assertEquals(CheckResult.judged("snapshots", 7, 7), verdict.check("snapshots").orElseThrow());
    for (String[] wrong :
        List.of(
            with(1),
            with(1, AS_GIVEN[1].replace("rw-p", "r--p")),
            with(1, AS_GIVEN[1].replace("5000-", "4000-")),
            with(1, AS_GIVEN[1].replace("rw-p", "rw-s")),
            with(1, "7ffff7ff3000-7ffff7ff4000 rw-p 00000000 00:00 0 ", AS_GIVEN[1]))) {
      assertTrue(read(wrong).differs(), String.join("\n", wrong));
    }
  }

  private static final String NAMED = AS_GIVEN[1].strip() + " [anon:x y]";

  private static final String NAMES =
      "7 prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x7ffff7ff5000, 8192, \"x y\") = 0\n";

  private Verdict readNamed(String calls, String maps, String line) throws IOException {
    String map = "7 mmap(NULL, 8192, %1$s) = 0x7ffff7ff5000\n";
    return replay(map + calls + shown(with(1, line)), maps);
  }

  @Test
  void namesOfAnonymousMemoryAreCompared() throws IOException {
    Verdict exact = readNamed(NAMES, MAPS, NAMED);
    assertTrue(exact.exact(), exact::toString);
    assertTrue(readNamed(NAMES, MAPS, AS_GIVEN[1]).differs(), "no name");
    assertTrue(readNamed(NAMES, MAPS, NAMED.replace("x y", "x")).differs(), "another name");
    // A name that strace has cut, and a kernel of which nobody knows whether it has names.
    assertFalse(readNamed(NAMES.replace("y\"", "y\"..."), MAPS, NAMED).differs(), "a name in part");
    assertFalse(readNamed("", MAPS, NAMED).differs(), "no call gives one");
    // The maps at the beginning have a name already.
    String named = "7ffff7ff3000-7ffff7ff4000 rw-p 00000000 00:00 0 [anon:old]";
    String[] all = with(1, named, NAMED);
    String log = "7 mmap(NULL, 8192, %1$s) = 0x7ffff7ff5000\n" + NAMES;
    String[] lines = MAPS.split("\n", 2);
    String start = lines[0] + "\n" + named + "\n" + lines[1];
    Verdict kept = replay(log + shown(all), start);
    assertTrue(kept.exact(), kept::toString);
    all[1] = named.replace("old", "new");
    assertTrue(replay(log + shown(all), start).differs(), "the old name");
  }

  @Test
  void refusedCallsOfPrctlAreJudged() throws IOException {
    String hole =
        "7 prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x10000, 4096, \"x\") = -1 ENOMEM (x)\n";
    String map = "7 mmap(NULL, 8192, %1$s) = 0x7ffff7ff5000\n";
    Verdict refused = replay(hole, MAPS);
    assertTrue(refused.exact(), refused::toString);
    assertEquals(1, refused.check("results").orElseThrow().equal());
    assertTrue(
        replay(map + NAMES + hole.replace("ENOMEM", "EBADF"), MAPS).differs(), "the wrong errno");
    String gain = "7 prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) = -1 EPERM (x)\n";
    assertTrue(replay(gain, MAPS).differs(), "nothing here refuses it");
  }

  /** A policy cuts a VMA, and mremap of both parts is refused; the node need not be here. */
  @Test
  void aPolicyCutsAMapping() throws IOException {
    String map = "7 mmap(NULL, 8192, %1$s) = 0x7ffff7ff5000\n";
    String bind = "7 mbind(0x7ffff7ff5000, 4096, MPOL_BIND, [0x0000000000000004], 65, 0) = 0\n";
    String both = "7 mremap(0x7ffff7ff5000, 8192, 12288, 0) = -1 EFAULT (Bad address)\n";
    Verdict cut = replay(map + bind + both, MAPS);
    assertTrue(cut.exact(), cut::toString);
    assertEquals(3, cut.check("results").orElseThrow().total());
    assertTrue(replay(map + both, MAPS).differs(), "one VMA");
    String whole = bind.replace("4096", "8192");
    assertTrue(replay(map + whole + both, MAPS).differs(), "one VMA with a policy");
    String process = "7 set_mempolicy(MPOL_INTERLEAVE, [0x3], 65) = 0\n";
    assertTrue(replay(process, MAPS).exact());
    assertTrue(replay(process.replace("= 0", "= -1 EINVAL (x)"), MAPS).differs());
  }

  @Test
  void aScanWithAFieldThatCannotBeReadIsNotMade() throws IOException {
    String scan =
        "7 ioctl(3, PAGEMAP_SCAN, {size=96, flags=0, start=0x1000, end=0x3000, vec=NULL,"
            + " vec_len=0, max_pages=0, category_inverted=0, category_mask=%s,"
            + " category_anyof_mask=0, return_mask=0}) = -1 EINVAL (Invalid argument)\n";
    String map = "7 mmap(NULL, 8192, %1$s) = 0x7ffff7ff5000\n";
    Verdict passed = replay(map + scan.replace("%s", "0x100 or so"), MAPS);
    assertEquals(1, passed.check("results").orElseThrow().total(), passed::toString);
    assertFalse(passed.differs(), passed::toString);
    assertTrue(replay(map + scan.replace("%s", "0"), MAPS).differs(), "EINVAL of a good struct");
  }

  @Test
  void whatOnlyFaultsDecideIsSaid() throws IOException {
    // A stack has grown; two neighbours have pages of their own.
    Verdict grown = read(with(5, AS_GIVEN[5].replace("7ffffffde", "7ffffff00")));
    assertTrue(grown.exact(), grown::toString);
    assertEquals(7, grown.check("snapshots").orElseThrow().equal());
    Verdict far = read(with(5, AS_GIVEN[5].replace("7ffffffde", "7fffff000")));
    assertTrue(far.differs(), "beyond RLIMIT_STACK it cannot have grown");
    Verdict apart =
        read(
            with(
                1,
                "7ffff7ff5000-7ffff7ff6000 rw-p 00000000 00:00 0 ",
                "7ffff7ff6000-7ffff7ff7000 rw-p 00000000 00:00 0 "));
    assertTrue(apart.exact(), apart::toString);
    assertEquals(List.of(1L), apart.check("snapshots").orElseThrow().extra().get("by_faults"));
    assertTrue(apart.notes().stream().anyMatch(n -> n.contains("pages")), apart::toString);
  }

  @Test
  void mapsInPiecesAndCutOnes() throws IOException {
    String call = "7 mmap(NULL, 8192, %1$s) = 0x7ffff7ff5000\n";
    String[] parts = shown(AS_GIVEN).split("7ffff7ff7000-7ffff7ffb000", -1);
    int bytes = parts[0].substring(parts[0].indexOf("\"00") + 1).replace("\\n", "\n").length();
    String rest = parts[1].substring(0, parts[1].indexOf('"'));
    String pieces =
        parts[0]
            + "7ffff\", 99) = "
            + (bytes + 5)
            + "\n7 read(3, \"7ff7000-7ffff7ffb000"
            + rest
            + "\", 4096) = "
            + (rest.replace("\\n", "\n").length() + 20)
            + "\n7 read(3, \"\", 4096) = 0\n";
    Verdict verdict = replay(call + pieces, MAPS);
    assertTrue(verdict.exact(), verdict::toString);
    // The line that two reads gave together is not used.
    assertEquals(6, verdict.check("snapshots").orElseThrow().equal(), verdict::toString);
    Verdict cut = replay(call + shown(AS_GIVEN).replace("\", 4096", "\"..., 4096"), MAPS);
    assertTrue(cut.check("snapshots").isEmpty(), cut::toString);
    assertTrue(cut.notes().stream().anyMatch(n -> n.contains("-s 65536")), cut::toString);
  }

  @Test
  void mapsThatWereOpenedBeforeAnExecAreNobodysAfterIt() throws IOException {
    String log =
        """
        7 openat(AT_FDCWD, "/proc/self/maps", O_RDONLY) = 3
        7 mmap(NULL, 8192, %1$s) = 0x7ffff7ff5000
        7 execve("/bin/b", ["b"], 0x7f /* 3 vars */) = 0
        7 read(3, "00400000-00401000 rw-p 00000000 08:02 1 /tmp/other\\n", 4096) = 51
        """;
    assertTrue(replay(log, MAPS).check("snapshots").isEmpty());
    assertTrue(replay(log.replaceFirst("7 execve.*\n", ""), MAPS).differs());
  }
}
