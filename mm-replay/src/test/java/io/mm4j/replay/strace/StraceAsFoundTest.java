// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.Engines;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** strace text as people have it: with other options, cut, quoted, without paths, without maps. */
class StraceAsFoundTest {
  /** A static program; mappings are placed below 0x7ffff7ff7000. */
  private static final String MAPS =
      """
      00400000-00401000 r--p 00000000 08:02 1 /tmp/t
      7ffff7ff7000-7ffff7ffb000 r--p 00000000 00:00 0 [vvar]
      7ffff7ffb000-7ffff7ffd000 r--p 00000000 00:00 0 [vvar_vclock]
      7ffff7ffd000-7ffff7fff000 r-xp 00000000 00:00 0 [vdso]
      7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
      """;

  private static final String ANON = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0";

  @TempDir Path folder;

  private Verdict replay(String log) throws IOException {
    return replay(log, MAPS);
  }

  private Verdict replay(String log, String maps) throws IOException {
    Path file = Files.writeString(folder.resolve("x.strace"), log, UTF_8);
    Files.deleteIfExists(folder.resolve("x.maps"));
    if (!maps.isEmpty()) {
      Files.writeString(folder.resolve("x.maps"), maps, UTF_8);
    }
    return Engines.replay().replay(new Recording(file, RecordingKind.STRACE));
  }

  private static void assertExact(long results, Verdict verdict) {
    assertTrue(verdict.exact(), verdict::toString);
    assertEquals(results, verdict.check("results").orElseThrow().equal(), verdict::toString);
  }

  private static void assertNote(Verdict verdict, String part) {
    assertTrue(verdict.notes().stream().anyMatch(n -> n.contains(part)), verdict.notes()::toString);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mmap(NULL, 12288, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff4000",
        "[00007f0188a281cb] mmap(NULL, 12288, PROT_NONE, MAP_PRIVATE|MAP_ANON, -1, 0) ="
            + " 0x7ffff7ff4000",
        "[pid  77] [????????????????] mmap(NULL, 0x3000, 0x1, 0x22, 0xffffffff, 0) ="
            + " 0x7ffff7ff4000",
        "77<t> 10:20:30.5 mmap(NULL, 12288, PROT_NONE, MAP_PRIVATE|MAP_ANON, -1, 0) ="
            + " 0x7ffff7ff4000\r",
        "     0.000031 mmap2(NULL, 12288, PROT_READ, MAP_PRIVATE|MAP_ANON, -1, 0) = 0x7ffff7ff4000"
            + " <0.1>",
        ">> mmap(NULL, 12288, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 140737354088448",
        "[   9] old_mmap(NULL, 12288, PROT_READ, MAP_PRIVATE|MAP_ANON, -1, 0) = 0x7ffff7ff4000",
        "helloмmmap(NULL, 12288, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff4000",
        "  0.3 ( 0.1 ms): t/77 mmap(len: 12288, prot: READ, flags: PRIVATE|ANONYMOUS) ="
            + " 0x7ffff7ff4000",
        "mmap(NULL, 12288, PROT_READ,\n MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff4000",
        "write(1, \"hi\\n"
            + "\", 3hi\n"
            + ")    = 3\n"
            + "mmap(NULL, 12288, 0, 0x22, -1, 0) = 0x7ffff7ff4000\n"
            + "mun",
      })
  void oneCallInManyForms(String line) throws IOException {
    assertExact(1, replay(line + "\n"));
  }

  /** As perf trace of Linux 6.18.44 printed them: flags of mlock2 and mlockall are numbers. */
  @Test
  void callsThatLockAreReadOfPerfTrace() throws IOException {
    assertExact(
        5,
        replay(
            """
            1.1 ( 0.1 ms): p/64 mmap(len: 12288, prot: READ, flags: PRIVATE|ANONYMOUS) = 0x7ffff7ff4000
            1.2 ( 0.1 ms): p/64 mlock2(start: 140737354088448, len: 4096, flags: 1)    = 0
            1.3 ( 0.1 ms): p/64 mlockall(flags: CURRENT|ONFAULT)                       = 0
            1.4 ( 0.1 ms): p/64 munlockall()                                           = 0
            1.5 ( 0.1 ms): p/64 munlock(start: 140737354088448, len: 4096)             = 0
            """));
  }

  @Test
  void whatIsNoCallIsCountedAndSaid() throws IOException {
    Verdict verdict =
        replay(
            """
            user@host:~$ strace ./t
            mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
             > /usr/lib/libc.so.6(mmap64+0x2a) [0x11ea3a]
            [...]
            munmap(0x7ffff7ff6000, 4096) = 0
            some output
            """
                .formatted(ANON));
    assertExact(2, verdict);
    assertNote(verdict, "2 lines are no calls and were passed over, the first is line 1");
    assertNote(verdict, "left out of the log at line 4");
  }

  @Test
  void aMemoryCallThatIsCutInTheMiddleIsAnError() {
    InputException error =
        assertThrows(
            InputException.class, () -> replay("mmap(NULL, 4096\nmunmap(0x1000, 4096) = 0\n"));
    assertTrue(error.where().contains("line 1"), error.getMessage());
  }

  @Test
  void aLogWithoutAJudgedLineIsNotExact() throws IOException {
    Verdict verdict = replay("shmat(5, NULL, 0) = 0x7ffff7ff6000\nclose(3) = 0\n");
    assertFalse(verdict.exact());
    assertFalse(verdict.differs());
    assertNotNull(verdict.check("results").map(CheckResult::skipped).orElse(null));
    assertNote(verdict, "line 1: shmat is not made");
  }

  @Test
  void descriptorsAreKnownFromWhatOpenedThem() throws IOException {
    // The second open of a file does not merge with the first; dup is the first again.
    Verdict verdict =
        replay(
            """
            openat(AT_FDCWD, "/lib/a", O_RDONLY|O_CLOEXEC) = 3
            mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7ffff7ff5000
            mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3, 0) = -1 EACCES (Permission denied)
            fcntl(3, F_DUPFD_CLOEXEC, 10) = 10
            close(3) = 0
            mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = -1 EBADF (Bad file descriptor)
            mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 10, 0x2000) = 0x7ffff7ff4000
            dup2(10, 3) = 3
            mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0x7ffff7ff3000
            memfd_create("m", 0) = 4
            mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 4, 0) = 0x7ffff7ff2000
            """);
    assertExact(6, verdict);
    assertEquals(List.of(), verdict.notes());
    Verdict lost = replay("mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 9, 0) = 0x7ffff7ff6000\n");
    assertExact(1, lost);
    assertNote(lost, "(descriptor 9) is mapped in line 1");
  }

  @Test
  void limitsHoldFromTheirLineOnAndWereBefore() throws IOException {
    Verdict verdict =
        replay(
            """
            mmap(NULL, 4294971392, %1$s) = 0x7ffef7ff6000
            munmap(0x7ffef7ff6000, 4294971392) = 0
            prlimit64(0, RLIMIT_AS, {rlim_cur=1024*1024, rlim_max=RLIM64_INFINITY}, NULL) = 0
            mmap(NULL, 4194304, %1$s) = -1 ENOMEM (Cannot allocate memory)
            setrlimit(RLIMIT_AS, {rlim_cur=RLIM_INFINITY, rlim_max=RLIM_INFINITY}) = 0
            mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
            """
                .formatted(ANON));
    assertExact(6, verdict);
    assertExact(
        1,
        replay(
            """
            mmap(NULL, 4194304, %1$s) = -1 ENOMEM (Cannot allocate memory)
            getrlimit(RLIMIT_AS, {rlim_cur=1024*1024, rlim_max=RLIM_INFINITY}) = 0
            """
                .formatted(ANON)));
  }

  @Test
  void callsOfNewKernelsByNumberAndSegments() throws IOException {
    Verdict verdict =
        replay(
            """
            shmget(IPC_PRIVATE, 12288, IPC_CREAT|0600) = 32769
            shmat(32769, NULL, SHM_RDONLY) = 0x7ffff7ff4000
            mmap(NULL, 4096, %1$s) = 0x7ffff7ff3000
            shmdt(0x7ffff7ff4000) = 0
            mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff5000
            syscall_0x1ce(0x7ffff7ff5000, 0x1000, 0, 0x1, 0x2, 0x3) = 0
            mprotect(0x7ffff7ff5000, 4096, PROT_NONE) = -1 EPERM (Operation not permitted)
            prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, 0x7ffff7ff3000, 4096, "x") = 0
            """
                .formatted(ANON));
    assertExact(7, verdict);
  }

  @Test
  void whoSharesAnAddressSpace() throws IOException {
    // vfork and a clone in two lines share; a fork does not; a thread of what has exec'ed is gone.
    Verdict verdict =
        replay(
            """
            10 vfork( <unfinished ...>
            11 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
            11 +++ exited with 0 +++
            10 <... vfork resumed>) = 11
            10 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_THREAD|CLONE_SIGHAND <unfinished ...>
            12 mmap(NULL, 4096, %1$s) = 0x7ffff7ff5000
            10 <... clone resumed>, parent_tid=[12]) = 12
            10 fork( <unfinished ...>
            13 mmap(NULL, 4096, %1$s) = 0x7ffff7ff4000
            10 <... fork resumed>) = 13
            10 mmap(NULL, 8192, %1$s) = 0x7ffff7ff3000
            13 execve("/bin/ls", ["ls"], 0x7f /* 3 vars */) = 0
            13 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND, exit_signal=0}, 88) = 14
            14 mmap(NULL, 4096, %1$s) = 0x700000000000
            10 munmap(0x7ffff7ff3000, 16384) = 0
            """
                .formatted(ANON));
    // The thread's mapping is the first one of the new program, so that its place is not judged.
    assertExact(5, verdict);
  }

  @Test
  void whatCannotBeMappedIsKnownByTheCallThatMadeIt() throws IOException {
    assertExact(
        4,
        replay(
            """
            pipe2([6, 7<pipe:[99]>], O_CLOEXEC) = 0
            socketpair(AF_UNIX, SOCK_STREAM, 0, [8, 9]) = 0
            mmap(NULL, 4096, PROT_READ, MAP_SHARED, 6, 0) = -1 ENODEV (No such device)
            mmap(NULL, 4096, PROT_READ, MAP_SHARED, 9, 0) = -1 ENODEV (No such device)
            mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</memfd:x>(deleted), 0) = 0x7ffff7ff6000
            mmap(NULL, 4096, PROT_READ, MAP_SHARED, 4</tmp/x (deleted)>, 0) = 0x7ffff7ff5000
            """));
  }

  @Test
  void anotherProgramIsFollowedWhateverStandsBehindTheResult() throws IOException {
    Verdict verdict =
        replay(
            """
            7 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000 <0.000021>
            7 execve("/usr/bin/nosuch", ["nosuch"], 0x7ffe /* 40 vars */) = -1 ENOENT (No such file or directory) <0.000012>
            7 munmap(0x7ffff7ff6000, 4096) = 0 <0.000021>
            7 execve("/usr/bin/bash", ["bash"], 0x7ffe6ac1f078 /* 40 vars */) = 0 <0.018012>
            7 brk(NULL) = 0x56516dd5e000 <0.000071>
            7 mmap(NULL, 4096, %1$s) = 0x7f6f2203b000 <0.000042>
            7 mmap(NULL, 4096, %1$s) = 0x7f6f2203a000 <0.000042>
            7 brk(0x56516dd7f000) = 0x56516dd7f000 <0.000042>
            """
                .formatted(ANON));
    assertExact(4, verdict);
    assertNote(verdict, "1 program begins later (execve)");
  }

  @Test
  void aRandomizedLegacyLayoutSearchesFromItsLowestMapping() throws IOException {
    String maps =
        """
        2b84b8c40000-2b84b8c75000 r--p 00000000 fe:00 1 /usr/lib/ld-linux-x86-64.so.2
        2b84b8c7d000-2b84b8c7f000 rw-p 00000000 00:00 0
        5631d8d27000-5631d8d33000 r--p 00000000 fe:00 2 /usr/bin/cat
        56320ec74000-56320ec95000 rw-p 00000000 00:00 0 [heap]
        7ffe12340000-7ffe12361000 rw-p 00000000 00:00 0 [stack]
        """;
    String log =
        """
        mmap(NULL, 36864, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x2b84b8c7f000
        mmap(NULL, 32768, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x2b84b8c75000
        """;
    assertExact(2, replay(log, maps));
    String noHeap = maps.replaceAll("(?m)^.*heap.*\n", "");
    assertExact(2, replay(log, noHeap));
    assertExact(2, replay(log, "# mmap_base=0x2b84b8c40000\n# topdown=0\n" + noHeap));
  }

  @Test
  void whatStraceInjectedIsNotMade() throws IOException {
    Verdict verdict =
        replay(
            """
            mmap(NULL, 4096, %1$s) = -1 ENOMEM (Cannot allocate memory) (INJECTED)
            munmap(0x7ffff7ff6000, 4096) = 0 (INJECTED)
            mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
            """
                .formatted(ANON));
    assertExact(1, verdict);
    assertNote(verdict, "strace -e inject");
  }

  @Test
  void onATerminalPidsAreNamedOnlyWhenThereAreTwo() throws IOException {
    assertExact(
        4,
        replay(
            """
            mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
            vfork(strace: Process 21 attached
             <unfinished ...>
            [pid    21] mmap(NULL, 4096, %1$s) = 0x7ffff7ff5000
            [pid    21] +++ exited with 0 +++
            <... vfork resumed>) = 21
            --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=21} ---
            clone(child_stack=0x7f, flags=CLONE_VM|SIGCHLD <unfinished ...>
            [pid    22] mmap(NULL, 4096, %1$s) = 0x7ffff7ff4000
            [pid    20] <... clone resumed>) = 22
            [pid    20] mmap(NULL, 4096, %1$s) = 0x7ffff7ff3000
            --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=22} ---
            """
                .formatted(ANON)));
  }

  @Test
  void callsAtOneTimeAreMadeInTheOrderThatTheirAddressesProve() throws IOException {
    // 2 got the place that 1 freed, though 1 came back later; 4 lies above 3, so it was first.
    Verdict verdict =
        replay(
            """
            1 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND) = 2
            1 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
            1 munmap(0x7ffff7ff6000, 4096 <unfinished ...>
            2 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
            1 <... munmap resumed>) = 0
            1 mmap(NULL, 4096, %1$s <unfinished ...>
            2 mmap(NULL, 8192, %1$s <unfinished ...>
            2 <... mmap resumed>) = 0x7ffff7ff3000
            1 <... mmap resumed>) = 0x7ffff7ff5000
            """
                .formatted(ANON));
    assertExact(5, verdict);
  }

  /** As strace -z prints threads: 1 freed what 2 got, and came back later. */
  @Test
  void aLogThatDoesNotShowWhenCallsBeganSaysSo() throws IOException {
    String log =
        """
        1 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND) = 2
        1 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
        2 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
        1 munmap(0x7ffff7ff6000, 4096) = 0
        """
            .formatted(ANON);
    Verdict verdict = replay(log);
    assertFalse(verdict.exact(), verdict::toString);
    assertNote(verdict, "strace -z");
    for (String shown :
        List.of(
            "2 munmap(0x1, 1) = -1 EINVAL (Invalid argument)\n",
            "2 munmap(0x7ffff7ff6000, 4096 <unfinished ...>\n2 <... munmap resumed>) = 0\n")) {
      Verdict more = replay(log + shown);
      assertFalse(more.notes().stream().anyMatch(n -> n.contains("strace -z")), more::toString);
    }
  }

  @Test
  void aBottomUpLayoutIsSeenInTheMapsOrAskedFor() throws IOException {
    String call = "mmap(NULL, 8192, " + ANON + ") = ";
    String maps =
        MAPS.replace("7ffff7ff7000-7ffff7ffb000", "2aaaaaaab000-2aaaaaaaf000")
            .replace("7ffff7ffb000-7ffff7ffd000", "2aaaaaaaf000-2aaaaaab1000")
            .replace("7ffff7ffd000-7ffff7fff000", "2aaaaaab1000-2aaaaaab3000");
    assertExact(1, replay(call + "0x2aaaaaab3000\n", maps));
    assertExact(1, replay(call + "0x2aaaaaaab000\n", "# topdown=0\n" + MAPS));
    assertExact(1, replay(call + "0x2aaaaaaab000\n", "# sysctl legacy_va_layout=1\n" + MAPS));
    InputException error =
        assertThrows(InputException.class, () -> replay(call + "0\n", "# topdwn=0\n" + MAPS));
    assertTrue(error.what().contains("topdown"), error.getMessage());
    assertThrows(InputException.class, () -> replay(call + "0\n", "# rlimit SA=4G\n" + MAPS));
  }

  @Test
  void mapsAboveUserSpaceAreRefused() {
    for (String end : new String[] {"800000001000", "1000000000000", "65536ffff7db1000"}) {
      InputException error =
          assertThrows(
              InputException.class,
              () ->
                  replay(
                      "brk(NULL) = 0x1000\n",
                      MAPS + "7ffffffff000-" + end + " rw-p 00000000 00:00 0\n"));
      assertTrue(error.what().contains("-" + end), error.getMessage());
    }
  }

  @Test
  void withoutMapsTheyAreInferredAndThatIsSaid() throws IOException {
    String log = Files.readString(Path.of("src/test/corpus/strace/ls.strace"));
    Verdict verdict = replay(log, "");
    assertExact(37, verdict);
    assertNote(verdict, "no maps were given");
    // One more place is still judged.
    Verdict wrong = replay(log.replace("= 0x7ffff7d0d000", "= 0x7ffff7d0c000"), "");
    assertTrue(wrong.differs());
  }

  @Test
  void theProgramMayBeStartedByAnother() throws IOException {
    assertExact(
        1,
        replay(
            """
            5 execve("/usr/bin/env", ["env", "/tmp/t"], 0x7f /* 3 vars */) = 0
            5 mmap(NULL, 4096, %1$s) = 0x7f1234567000
            5 execve("/tmp/t", ["t"], 0x7f /* 3 vars */) = 0
            5 mmap(NULL, 4096, %1$s) = 0x7ffff7ff6000
            """
                .formatted(ANON)));
  }

  @Test
  void whereLinuxRefusedTheLikelyUnknownIsNamed() throws IOException {
    Verdict verdict =
        replay("mmap(NULL, 8192, " + ANON + ") = -1 ENOMEM (Cannot allocate memory)\n");
    String evidence =
        String.join("\n", Objects.requireNonNull(verdict.firstDifference()).evidence());
    assertTrue(evidence.contains("RLIMIT_AS"), evidence);
    assertTrue(evidence.contains("cgroup"), evidence);
  }

  @Test
  void whatASandboxRefusedIsNotMade() throws IOException {
    Verdict verdict =
        replay(
            "brk(NULL) = -1 EPERM (Operation not permitted)\nmmap(NULL, 4096, "
                + ANON
                + ") = 0x7ffff7ff6000\n");
    assertExact(1, verdict);
    assertNote(verdict, "1 call was refused before memory management saw them");
  }

  @Test
  void mapsOfOldKernelsAndSmapsAreRead() throws IOException {
    String old =
        """
        08048000-08054000 r-xp 00000000 08:01 1 /usr/bin/x
        08054000-08056000 rw-p 0000b000 08:01 1 /usr/bin/x
        Size:                  8 kB
        VmFlags: rd wr mr mw me
        40000000-43691000 r-xp 00000000 08:01 2 /usr/lib/all.so
        bfffe000-c0000000 rwxp 00000000 00:00 0
        """;
    Verdict verdict =
        replay(
            """
            old_mmap(NULL, 163840, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x43691000
            old_mmap(NULL, 2181038080, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot)
            """,
            old);
    assertExact(2, verdict);
    assertNote(verdict, "is called [stack]");
  }
}
