// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** procps reads the exported tree, put in the place of /proc for it alone. */
class ProcpsTest {
  @TempDir Path folder;

  @Test
  void pmapPsFreeAndVmstat() throws Exception {
    Cli export = Cli.mm("proc", "--export", folder.toString(), "--memory", "256M");
    assertEquals(0, export.code(), export.err());
    String mount = "mount --bind " + folder.resolve("proc") + " /proc && exec ";
    Assumptions.assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/pmap")) && !run("exec true").startsWith("failed"),
        "procps, and leave to mount in a namespace");
    String pmap = run(mount + "pmap -X 1");
    assertTrue(pmap.contains("[stack]") && pmap.contains(" KB"), pmap);
    String ps = run(mount + "ps -eo pid,comm,vsz");
    assertTrue(ps.lines().anyMatch(line -> line.matches(" *1 \\S+ +[1-9][0-9]*")), ps);
    String meminfo = Files.readString(folder.resolve("proc/meminfo"));
    String total = meminfo.lines().findFirst().orElseThrow().replaceAll("[^0-9]", "");
    String free = run(mount + "free");
    assertTrue(free.contains(total), free);
    String vmstat = run(mount + "vmstat");
    assertTrue(vmstat.contains("swpd"), vmstat);
  }

  /** What a command prints that is the first process of a namespace; what went wrong, too. */
  static String run(String command) throws Exception {
    Process process =
        new ProcessBuilder("unshare", "-rmpf", "sh", "-c", command)
            .redirectErrorStream(true)
            .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() == 0 ? out : "failed: " + out;
  }
}
