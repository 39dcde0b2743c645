// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files that are no recordings: what is wrong, where, and what is allowed. */
class BadInputTest {
  private static MemoryRecording good() {
    Random random = new Random(1);
    return new SmallRecording()
        .fill(random)
        .start()
        .random(random, 50)
        .middle()
        .random(random, 50)
        .end();
  }

  private static InputException refused(MemoryRecording recording) {
    return assertThrows(InputException.class, () -> Replays.replay(recording));
  }

  @Test
  void theRecordingItselfIsGood() {
    assertTrue(Replays.replay(good()).exact());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "garbage|a decimal number",
        "100|one blank",
        "100 0|one blank",
        "100 0 q 5|'q' is no operation",
        "100 0 z 2048 0 1|one blank",
        "100 0 z 2048 0 1 1 9|the end of the line",
        "100 0 z 9000 0 1 1|pfn 9000 lies in no zone",
        "100 0 f 99999999 0|lies in no zone",
        "100 0 d 2048 11 1|an order of 0 to 10",
        "100 0 d 2048 0 5|a migratetype of 0 to 4",
        "100 0 d -5 0 1|a decimal frame number",
        "100 0 d - 0 1|a decimal frame number",
        "100 0 a 2048 0 xyz 1|hexadecimal",
        "100 0 a 2048 0 18 1|gfp=18 is movable and reclaimable at once at column 16",
        "100 0 a 2048 0 140cda 1|at most one of __GFP_MOVABLE (8) and __GFP_RECLAIMABLE (10)",
        "100 0 a - 0 18 1|movable and reclaimable",
        "100 0 d 2048 11 1|argument 2 is 11 at column 14",
        "100 0 z 2048 0 1 2|0 or 1",
        "100 99999 f 2048 0|a CPU of 0 to 8191",
        "-5 0 f 2048 0|a decimal number",
        "1000000000000000000000 0 f 2048 0|at most 18 digits"
      })
  void aLineThatIsNoEventIsNamed(String line, String says) {
    MemoryRecording recording = good();
    List<String> lines = new ArrayList<>(recording.textOf(KmemSource.PAGES));
    lines.set(11, line);
    InputException error = refused(recording.with(KmemSource.PAGES, lines));
    assertEquals("memory/pages.txt.gz:12", error.where());
    assertTrue(error.toString().contains(says), error.toString());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 5, 17, 100, 300})
  void cutOffGzipIsNamed(int bytes) {
    for (String file : List.of(KmemSource.PAGES, FreeBlocks.BEFORE, FreeBlocks.AFTER)) {
      MemoryRecording recording = good();
      byte[] whole = recording.bytesOf(file);
      recording.files.put(file, Arrays.copyOf(whole, Math.min(bytes, whole.length - 1)));
      InputException error = refused(recording);
      assertTrue(error.where().startsWith("memory/" + file), error.where());
      assertTrue(error.allowed().contains("gzip"), error.getMessage());
    }
  }

  @Test
  void damagedGzipIsNamed() {
    MemoryRecording recording = good();
    byte[] bytes = recording.bytesOf(KmemSource.PAGES).clone();
    for (int i = 40; i < 80; i++) {
      bytes[i] ^= 0x5a;
    }
    recording.files.put(KmemSource.PAGES, bytes);
    assertTrue(refused(recording).where().contains("pages.txt.gz"));
  }

  @Test
  void plainTextIsNotGzip() {
    MemoryRecording recording = good();
    recording.files.put(KmemSource.PAGES, new byte[] {'#', 'k', 'm', 'e', 'm', '\n', 0, 0, 0, 0});
    assertTrue(refused(recording).allowed().contains("gzip"));
  }

  @Test
  void everyMissingFileIsNamed() {
    for (String file : good().files.keySet()) {
      if (file.equals(Fallbacks.TYPES_BEFORE)) {
        continue;
      }
      MemoryRecording recording = good();
      recording.files.remove(file);
      InputException error = refused(recording);
      assertEquals("memory/" + file, error.where());
      assertTrue(error.what().contains("missing"), error.what());
    }
  }

  @Test
  void emptyFilesAreNamed() {
    for (String file : good().files.keySet()) {
      if (file.equals(Fallbacks.TYPES_BEFORE)) {
        continue;
      }
      InputException error = refused(good().with(file, new byte[0]));
      assertTrue(error.where().startsWith("memory/" + file), error.getMessage());
    }
  }

  @Test
  void aTraceThatEndsEarlyIsNamed() {
    MemoryRecording recording = good();
    List<String> lines = recording.textOf(KmemSource.PAGES);
    InputException error =
        refused(recording.with(KmemSource.PAGES, lines.subList(0, lines.size() - 5)));
    assertTrue(error.toString().contains("SNAP1 end"), error.toString());
  }

  @Test
  void aLineWithoutEndOrOfEndlessLengthIsNamed() {
    MemoryRecording recording = good();
    String text = String.join("\n", recording.textOf(KmemSource.PAGES));
    InputException cut =
        refused(
            recording.with(
                KmemSource.PAGES, text.getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
    assertTrue(cut.what().contains("not complete"), cut.what());
    byte[] zeros = new byte[10_000_000];
    Arrays.fill(zeros, (byte) '1');
    byte[] head =
        "#kmem-pages 1\n#t_first 0\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    System.arraycopy(head, 0, zeros, 0, head.length);
    assertTrue(refused(good().with(KmemSource.PAGES, zeros)).where().endsWith(":3"));
  }

  @Test
  void aFolderThatDoesNotExistIsNamed() {
    InputException error =
        assertThrows(
            InputException.class, () -> Replays.replay(KmemSource.folder(Path.of("no", "such"))));
    assertTrue(error.where().contains("such"), error.where());
  }

  @Test
  void freeBlocksOutOfPlaceAreNamed() {
    for (String line : List.of("9000 0", "2049 1", "3000 0\n2048 0", "5 0", "2048 11")) {
      InputException error =
          refused(good().with(FreeBlocks.AFTER, List.of("zone DMA", "2 0", "zone Normal", line)));
      assertTrue(error.where().contains("freeblocks.after"), error.getMessage());
    }
  }
}
