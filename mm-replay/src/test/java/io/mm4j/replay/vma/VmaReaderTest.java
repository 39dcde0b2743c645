// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.replay.text.LineSource;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VmaReaderTest {
  static final Path DEV = Path.of("src/test/corpus/vma/dev");

  static String text(String name) {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(DEV.resolve(name)))) {
      return new String(in.readAllBytes(), ISO_8859_1);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static int events(byte[] bytes) {
    int events = 0;
    try (VmaReader reader = new VmaReader(new LineSource("in", new ByteArrayInputStream(bytes)))) {
      while (reader.next() != null) {
        events++;
      }
    }
    return events;
  }

  private static InputException wrong(byte[] bytes) {
    return assertThrows(InputException.class, () -> events(bytes));
  }

  @Test
  void readsAWholeRecording() {
    String text = text("basic-000.vma.gz");
    long calls = text.lines().filter(line -> line.matches("[0-9]+ p0 .*")).count();
    assertEquals(20, calls);
    assertTrue(events(text.getBytes(ISO_8859_1)) >= 22);
  }

  /** Replaces the first match of a pattern; the error must name the line it stands on. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "VMACORPUS 1|VMACORPUS 2|line 1, column 1",
        "(?m)^seed .*\\n|''|no 'seed' line",
        "overcommit_memory=0|overcommit_memory=x|line 8",
        "overcommit_memory=0|overcommit_memory=7|0 to 2",
        "topdown=1|topdown=2|topdown",
        "caps=none|caps=some|line 10",
        "fs=ext4|fs=fat|ext4, tmpfs",
        "open D2 F1|open D2 F77|line",
        "(?m)^file F2 |file F1 |not used before",
        "state p0 n=9 start|state p0 n=8 start|expected",
        "(?m)^400000-401000|401000-400000|START below END",
        "(?m)^400000-401000|400001-401000|multiples",
        "(?m)^403000-407000|401000-405000|order",
        "pages=F1|pages=F2|pages",
        "pages=F1|pages=X1|page state",
        "flags=rd,mr|flags=rd,m|VmFlags",
        "(?m)^2 p0|3 p0|call number 2",
        "(?m)^2 p0|2 p9|p9",
        "1 p0 munmap|1 p0 unmap|munmap",
        "1 p0 munmap addr=0x409000|1 p0 munmap addr=409000|0x",
        "1 p0 munmap addr=0x409000|1 p0 munmap addr=0x11112222333344445|64 bits",
        "fd=-1 off|fd=D99 off|open",
        "eof calls=20|eof calls=21|20",
        "eof calls=20|eof calls=20 more|line",
        "maps p0 n=11 periodic|maps p0 n=99999999 periodic|262144",
        "rw-p 0 0 0 -|rwzp 0 0 0 -|line",
      })
  void saysWhereItIsWrong(String pattern, String replacement, String expected) {
    String text = text("basic-000.vma.gz");
    String broken = text.replaceFirst(pattern, replacement);
    assertFalse(broken.equals(text), "the pattern matches nothing");
    InputException error = wrong(broken.getBytes(ISO_8859_1));
    assertTrue(error.where().contains("in, line"), error.getMessage());
    String said = String.valueOf(error.getMessage());
    assertTrue(
        expected.equals("expected") || said.contains(expected), () -> said + " / " + expected);
    assertFalse(error.allowed().isEmpty());
  }

  @Test
  void aTextCutOffAnywhereIsAnError() {
    byte[] whole = text("directed-munmap_args.vma.gz").getBytes(ISO_8859_1);
    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      InputException error = wrong(part);
      assertTrue(error.where().startsWith("in"), error.getMessage());
    }
  }

  @Test
  void gzipCutOffOrDamagedIsAnError() throws IOException {
    byte[] packed = Files.readAllBytes(DEV.resolve("directed-munmap_args.vma.gz"));
    for (int length = 0; length < packed.length; length += 7) {
      wrong(Arrays.copyOf(packed, length));
    }
    for (int at = 20; at < packed.length; at += 13) {
      byte[] damaged = packed.clone();
      damaged[at] ^= 0x55;
      wrong(damaged);
    }
  }

  @Test
  void aPackedGigabyteOfZerosIsALineThatIsTooLong() throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(packed)) {
      byte[] zeros = new byte[1 << 20];
      for (int i = 0; i < 64; i++) {
        out.write(zeros);
      }
    }
    InputException error = wrong(packed.toByteArray());
    assertTrue(error.what().contains("longer than"), error.getMessage());
  }

  @Test
  void odditiesOfFilesAreErrors() {
    for (byte[] bytes :
        List.of(new byte[0], new byte[] {'\n'}, new byte[] {0}, new byte[] {0x1f, (byte) 0x8b})) {
      assertTrue(wrong(bytes).where().contains("in"));
    }
    InputException folder =
        assertThrows(InputException.class, () -> LineSource.open(Path.of("src")));
    assertTrue(folder.what().contains("folder"));
    InputException missing =
        assertThrows(InputException.class, () -> LineSource.open(Path.of("src/nothing.vma")));
    assertTrue(missing.what().contains("no such file"));
  }
}
