// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.Verdict;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Size classes and caches, judged by a small recording that is written here. */
class SlabJudgeTest {
  private static final Path ONE_PAGE = Path.of("src/test/corpus/kmem/onepage");

  private static final String STREAM =
      """
      #kmem-slab 1
      #t_first 0
      0 1 m START
      =L 1 somewhere+0x1
      =C 1 kmalloc-128 128 128
      10 1 k 1 100 128 cc0 -1 1
      10 0w k 2 96 96 dc0 -1 1
      10 1 K 1 1
      10 1 k 3 8193 16384 cc0 -1 1
      10 1 ~ 3
      10 1 k 4 8193 16384 cc0 -1 1
      10 0 k 0 8192 8192 cc0 -1 1
      =C 2 unheard_of 24 24
      10 0 s 5 2 cc0 -1 0 1
      10 0 S 5 2 1
      10 1 K 0 1
      10 1 m STOP
      """;

  private static final String SLABINFO =
      """
      slabinfo - version: 2.1
      # name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables
      btrfs_ordered_extent      0      0    416   19    2 : tunables    0    0    0 : slabdata
      mm_struct               100    120   1600   20    8 : tunables    0    0    0 : slabdata
      """;

  @TempDir private Path folder;

  @BeforeEach
  void copyRecording() throws IOException {
    try (Stream<Path> files = Files.walk(ONE_PAGE)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path to = folder.resolve(ONE_PAGE.relativize(file).toString());
        Files.createDirectories(to.getParent());
        Files.copy(file, to);
      }
    }
    Files.writeString(folder.resolve("snap/slabinfo.before"), SLABINFO);
    stream(STREAM);
  }

  private void stream(String text) throws IOException {
    try (OutputStream out =
        new GZIPOutputStream(Files.newOutputStream(folder.resolve("slab.txt.gz")))) {
      out.write(text.getBytes(StandardCharsets.US_ASCII));
    }
  }

  private Verdict verdict(int cpus, String plugin) {
    MachineConfig config = new MachineConfig().cpus(cpus).plugin("slab=" + plugin);
    return KmemReplay.replay(KmemSource.folder(folder), config);
  }

  private static CheckResult check(Verdict verdict, String name) {
    return verdict.checks().stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow();
  }

  @Test
  void slubIsAsRecorded() {
    for (String plugin : List.of("slub", "slub:sheaves=all")) {
      Verdict verdict = verdict(2, plugin);
      CheckResult kmalloc = check(verdict, KmemChecks.KMALLOC_CLASS);
      assertEquals(5, kmalloc.total());
      assertEquals(5, kmalloc.equal());
      CheckResult geometry = check(verdict, KmemChecks.CACHE_GEOMETRY);
      assertEquals(429 + 2 + 1, geometry.total(), plugin); // sysfs, slabinfo, the stream's caches
      assertEquals(geometry.total(), geometry.equal(), plugin);
    }
  }

  @Test
  void ordersFollowFromTheCpus() {
    CheckResult geometry = check(verdict(256, "slub"), KmemChecks.CACHE_GEOMETRY);
    assertTrue(geometry.differs(), geometry.toString());
  }

  @Test
  void aWrongClassIsFound() throws IOException {
    stream(STREAM.replace("k 2 96 96", "k 2 96 128"));
    Verdict verdict = verdict(2, "slub");
    assertEquals(4, check(verdict, KmemChecks.KMALLOC_CLASS).equal());
    assertNotNull(verdict.firstDifference());
  }

  @Test
  void onlyLinuxGeometryIsJudged() {
    CheckResult geometry = check(verdict(2, "page"), KmemChecks.CACHE_GEOMETRY);
    assertTrue(String.valueOf(geometry.skipped()).contains("slab=page"), geometry.toString());
  }

  @Test
  void aBrokenStreamIsNamed() throws IOException {
    stream(STREAM.replace("10 1 K 1 1", "10 1 Q 1 1"));
    InputException wrong = assertThrows(InputException.class, () -> verdict(2, "slub"));
    assertTrue(wrong.toString().contains("slab.txt.gz"), wrong.toString());
  }
}
