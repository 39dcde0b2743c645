// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.vmap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Recordings;
import io.mm4j.replay.Verdict;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.suites.TestKit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Two recordings of small areas, from START to STOP, on good and on wrong plugins. */
class VmapReplayTest {
  private static final Path FOLDER = Path.of("src/test/resources/vmap");

  /**
   * What areas of up to 256 pages do not show, what is said of lazy ones, and what is seen only
   * after a refusal, after clear, or of two machines.
   */
  private static final Set<String> NOT_SHOWN =
      Set.of(
          "hides-a-lazy-one",
          "worst-fit",
          "beyond-end",
          "finds-all-but-last",
          "frees-inside",
          "due-too-early",
          "late-flush",
          "pool-of-any",
          "pool-255",
          "pool-257",
          "restored-backwards",
          "pool-for-any-window",
          "shrinks-half",
          "loses-a-page",
          "not-aligned",
          "takes-lazy",
          "remembers-over-a-failure",
          "clears-all-but-a-count",
          "shared-scratch");

  private static Verdict replay(Path folder, VmallocAllocatorProvider provider) {
    PluginRegistry all = PluginRegistry.discover();
    Map<Spi<?>, List<? extends PluginProvider>> providers = new HashMap<>();
    for (Spi<?> spi : List.of(Spi.PHYSICAL_MEMORY, Spi.FRAME_ALLOCATOR, Spi.PAGE_ALLOCATOR)) {
      providers.put(spi, all.plugins(spi).stream().map(PluginInfo::provider).toList());
    }
    providers.put(Spi.VMALLOC, List.of(provider));
    MachineConfig config =
        new MachineConfig()
            .registry(PluginRegistry.of(providers))
            .plugin(Spi.VMALLOC, PluginSpec.of(provider.name()));
    return VmapReplay.replay(folder, config);
  }

  private static VmallocAllocatorProvider found(String name) {
    return PluginRegistry.discover().provider(Spi.VMALLOC, name, "test");
  }

  static List<String> faults() {
    return TestKit.suite(Spi.VMALLOC).orElseThrow().faults().stream()
        .map(Fault::name)
        .filter(name -> !NOT_SHOWN.contains(name))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"stackpool", "pooldecay"})
  void rbtreeIsExact(String name) {
    Verdict verdict = replay(FOLDER.resolve(name), found("rbtree"));
    assertTrue(verdict.exact(), verdict.toString());
    assertEquals(RecordingKind.VMAP, verdict.kind());
    assertEquals(name, verdict.recordingClass());
    assertEquals(11 - (name.equals("pooldecay") ? 2 : 0), verdict.check("purges").get().total());
    Verdict naive = replay(FOLDER.resolve(name), TestKit.suite(Spi.VMALLOC).get().correct());
    assertTrue(naive.exact(), naive.toString());
  }

  @Test
  void vmlistIsNotJudged() {
    Verdict verdict = replay(FOLDER.resolve("stackpool"), found("vmlist"));
    assertFalse(verdict.exact());
    assertFalse(verdict.differs());
    assertNotNull(verdict.check("vmap").orElseThrow().skipped());
  }

  @ParameterizedTest
  @MethodSource("faults")
  void refutedTheoriesDiffer(String name) {
    Fault<VmallocAllocatorProvider> fault =
        TestKit.suite(Spi.VMALLOC).orElseThrow().faults().stream()
            .filter(f -> f.name().equals(name))
            .findFirst()
            .orElseThrow();
    assertTrue(
        replay(FOLDER.resolve("stackpool"), fault.provider()).differs()
            || replay(FOLDER.resolve("pooldecay"), fault.provider()).differs(),
        name);
  }

  @Test
  void aFolderOfRecordingsIsFound() {
    List<Recording> found = Recordings.find(List.of(FOLDER));
    assertEquals(2, found.size());
    assertEquals(RecordingKind.VMAP, found.getFirst().kind());
  }

  @Test
  void whatIsBrokenIsNamed(@TempDir Path dir) throws IOException {
    Path events = dir.resolve("events.txt.gz");
    Files.writeString(events, "#vmalloc 1\n=R 0 ffffc90000000000 ffffe8ffffffffff\n0 0 m START\n");
    InputException missing = assertThrows(InputException.class, () -> replay(dir, found("rbtree")));
    assertTrue(missing.where().contains("start.txt"), missing.where());
    Files.writeString(dir.resolve("start.txt"), "free ffffc90000000000 ffffc90000100000\n");
    InputException cut = assertThrows(InputException.class, () -> replay(dir, found("rbtree")));
    assertTrue(cut.allowed().contains("STOP"), cut.allowed());
    Files.writeString(
        events,
        "#vmalloc 1\n=R 0 ffffc90000000000 ffffe8ffffffffff\n0 0 m START\n0 9 a b 1 1 1 0\n");
    InputException cpu = assertThrows(InputException.class, () -> replay(dir, found("rbtree")));
    assertTrue(cpu.where().contains("line 4"), cpu.where());
  }

  /** Wrong addresses of a folder of recordings, by plugin; only where one is named. */
  @Test
  void controlsOfAFolder() {
    String folder = System.getProperty("mm.vmap");
    if (folder == null) {
      return;
    }
    for (Fault<VmallocAllocatorProvider> fault :
        TestKit.suite(Spi.VMALLOC).orElseThrow().faults()) {
      long equal = 0;
      long exact = 0;
      for (Recording recording : Recordings.find(List.of(Path.of(folder)))) {
        Verdict verdict = replay(recording.path(), fault.provider());
        equal += verdict.check("vmap").orElseThrow().equal();
        exact += verdict.exact() ? 1 : 0;
      }
      System.out.printf("%-24s vmap %d, exact recordings %d%n", fault.name(), equal, exact);
    }
  }
}
