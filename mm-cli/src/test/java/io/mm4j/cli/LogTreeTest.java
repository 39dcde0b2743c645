// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tree of a strace log: who its processes are, and whose children. */
class LogTreeTest {
  private static final String LOG =
      """
      10 execve("/usr/bin/a-name-of-17-byt", ["a-name", "-c", "x y"], 0x7f /* 3 vars */) = 0
      10 brk(NULL) = 0x555500000000
      10 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ff6000
      10 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 11
      11 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 12
      12 execve("/bin/b) R 1", ["b", "", "(x) y"], 0x7f /* 3 vars */) = 0
      12 brk(NULL) = 0x555600000000
      12 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7fff00006000
      """;

  /** {@code TASK_COMM_LEN} leaves 15 bytes of a name. */
  private static final String CUT = "a-name-of-17-by";

  @TempDir Path dir;

  private Path tree() throws IOException {
    Path log = Files.writeString(dir.resolve("family.strace"), LOG);
    Cli export = Cli.mm("proc", "--export", dir.toString(), "--after", log.toString());
    assertEquals(0, export.code(), export.err());
    return dir.resolve("proc");
  }

  private static void is(Path folder, int pid, int parent, String name, String arguments)
      throws IOException {
    assertEquals(name + "\n", Files.readString(folder.resolve("comm")));
    assertEquals(arguments, Files.readString(folder.resolve("cmdline")));
    String stat = Files.readString(folder.resolve("stat"));
    assertTrue(stat.startsWith(pid + " (" + name + ") R " + parent + " "), stat);
    String fields = stat.substring(stat.lastIndexOf(')') + 2).strip();
    assertEquals(50, fields.split(" ", -1).length, "fields behind the name");
    List<String> status = Files.readAllLines(folder.resolve("status"));
    for (String line :
        List.of("Name:\t" + name, "Tgid:\t" + pid, "Pid:\t" + pid, "PPid:\t" + parent)) {
      assertTrue(status.contains(line), line + " in " + status);
    }
  }

  @Test
  void namesParentsAndArguments() throws IOException {
    Path proc = tree();
    String forked = "a-name\0-c\0x y\0";
    is(proc.resolve("1"), 1, 0, CUT, forked);
    is(proc.resolve("2"), 2, 1, CUT, forked);
    is(proc.resolve("3"), 3, 2, "b) R 1", "b\0\0(x) y\0");
  }

  @Test
  void psShowsThem() throws Exception {
    String mount = "mount --bind " + tree() + " /proc && exec ";
    Assumptions.assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/ps"))
            && !ProcpsTest.run("exec true").startsWith("failed"),
        "procps, and leave to mount in a namespace");
    List<String> lines =
        ProcpsTest.run(mount + "ps -eo pid=,ppid=,comm=,args= --sort pid")
            .lines()
            .map(line -> line.strip().replaceAll(" +", " "))
            .toList();
    assertEquals(
        List.of(
            "1 0 " + CUT + " a-name -c x y", "2 1 " + CUT + " a-name -c x y", "3 2 b) R 1 b (x) y"),
        lines);
  }
}
