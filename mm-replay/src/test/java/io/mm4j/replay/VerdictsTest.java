// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.replay.kmem.KmemReplay;
import io.mm4j.replay.kmem.KmemSource;
import io.mm4j.replay.process.ProcessReplay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Replays every recording that comes with the project and compares its verdict, check by check,
 * with {@code src/test/corpus/verdicts.tsv}. So nothing gets worse behind something that gets
 * better. A verdict that improves fails as well: {@code mvn test -pl mm-replay -am
 * -Dtest=VerdictsTest -Dmm.write=true -Dsurefire.failIfNoSpecifiedTests=false} writes the table
 * anew, and the change goes through review with the code that made it.
 */
class VerdictsTest {
  private static final Path CORPUS = Path.of("src/test/corpus");
  private static final Path TABLE = CORPUS.resolve("verdicts.tsv");
  private static final String ADVICE =
      "if that is meant, write the table anew: mvn test -pl mm-replay -am -Dtest=VerdictsTest"
          + " -Dmm.write=true -Dsurefire.failIfNoSpecifiedTests=false";

  private static final String REFERENCE = Spi.VMA_INDEX.reference();

  private static @Nullable VerdictTable reference;

  /** The verdicts of all vma recordings on the reference index, made once. */
  private static VerdictTable reference() {
    if (reference == null) {
      reference = processes("vma", REFERENCE);
    }
    return reference;
  }

  private static VerdictTable table() throws IOException {
    return VerdictTable.parse(Files.exists(TABLE) ? Files.readAllLines(TABLE) : List.of());
  }

  private static List<Recording> recordings(String kind) {
    return Recordings.find(List.of(CORPUS.resolve(kind)));
  }

  /** What the table calls a recording: its path below the corpus, without its ending. */
  private static String name(Recording recording) {
    return CORPUS
        .relativize(recording.path())
        .toString()
        .replace('\\', '/')
        .replaceFirst("\\.(vma|strace)(\\.gz)?$", "");
  }

  /** Compares, or writes, the rows of one kind. */
  private static void check(String kind, VerdictTable found) throws IOException {
    VerdictTable table = table();
    if (Boolean.getBoolean("mm.write")) {
      table.replace(kind + "/", found);
      Files.writeString(
          TABLE, "# Written by VerdictsTest: every recording, every check, equal/total.\n" + table);
      return;
    }
    agree(table.part(kind + "/"), found);
  }

  private static void agree(VerdictTable table, VerdictTable found) {
    List<String> differences = table.differences(found);
    assertTrue(differences.isEmpty(), () -> String.join("\n", differences) + "\n" + ADVICE);
  }

  private static VerdictTable processes(String kind, String index) {
    ProcessReplay replay = new ProcessReplay(Engines.machines(index));
    VerdictTable found = new VerdictTable();
    recordings(kind).forEach(one -> found.add(name(one), replay.replay(one)));
    return found;
  }

  @Test
  void everyVmaRecordingHasItsVerdict() throws IOException {
    check("vma", reference());
  }

  /**
   * Segments, pools of huge pages, reads and writes, which the corpus of processes does not have.
   */
  @Test
  void everyRecordingOfOtherCallsHasItsVerdict() throws IOException {
    check("calls", processes("calls", REFERENCE));
  }

  @Test
  void everyStraceLogHasItsVerdict() throws IOException {
    check("strace", processes("strace", REFERENCE));
  }

  /** The bundled recordings and those of the tests, on every frame allocator. */
  @Test
  void everyKmemRecordingHasItsVerdict() throws IOException {
    List<KmemSource> sources = new ArrayList<>();
    KmemSource.bundledNames().forEach(name -> sources.add(KmemSource.bundled(name)));
    if (Files.isDirectory(CORPUS.resolve("kmem"))) {
      recordings("kmem").forEach(one -> sources.add(KmemSource.folder(one.path())));
    }
    VerdictTable found = new VerdictTable();
    for (var plugin : PluginRegistry.discover().plugins(Spi.FRAME_ALLOCATOR)) {
      String frames = "frame-allocator=" + plugin.provider().name();
      for (KmemSource source : sources) {
        MachineConfig config = new MachineConfig().plugin("page-allocator=linux").plugin(frames);
        found.add("kmem/" + source.name() + " " + frames, KmemReplay.replay(source, config));
      }
    }
    check("kmem", found);
  }

  @ParameterizedTest
  @MethodSource("otherIndexes")
  void theIndexMakesNoDifference(String index) {
    List<String> differences = reference().differences(processes("vma", index));
    assertTrue(differences.isEmpty(), () -> String.join("\n", differences));
  }

  static List<String> otherIndexes() {
    List<String> others = new ArrayList<>(Engines.indexNames());
    assertTrue(others.remove(REFERENCE) && others.size() >= 2, () -> "other indexes: " + others);
    return others;
  }

  /** A table with one changed cell: the message names the recording and the check. */
  @Test
  void aChangedCellIsFoundByName() throws IOException {
    String name = "vma/dev/basic-000";
    VerdictTable table = table().part(name);
    assertEquals(List.of(name), table.names());
    VerdictTable found = reference().part(name);
    agree(table, found);

    String text = table.toString();
    assertSays(text.replace("results=20/20", "results=19/20"), found, "better");
    assertSays(text.replace("results=20/20", "results=21/21"), found, "different");
    assertSays(text.replace("results=20/20\t", ""), found, "no such check");
    VerdictTable worse =
        VerdictTable.parse(List.of(text.replace("results=20/20", "results=19/20").strip()));
    assertEquals(
        List.of(name + ": results is 19/20, the table has 20/20 (worse)"),
        table.differences(worse));
    assertEquals(
        List.of(name + ": is in the table and was not judged"),
        table.differences(new VerdictTable()));
    assertEquals(
        List.of(name + ": was judged and is not in the table"),
        new VerdictTable().differences(found));
  }

  private static void assertSays(String table, VerdictTable found, String says) {
    AssertionError error =
        assertThrows(
            AssertionError.class, () -> agree(VerdictTable.parse(List.of(table.strip())), found));
    String message = String.valueOf(error.getMessage());
    for (String part : List.of("vma/dev/basic-000: results ", says, "-Dmm.write=true")) {
      assertTrue(message.contains(part), message);
    }
  }
}
