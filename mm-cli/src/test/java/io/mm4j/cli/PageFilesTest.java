// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** pagemap, kpageflags and kpagecount, and what the machine's files say of its processes. */
class PageFilesTest {
  private static final Path FORK = ExplainCommandTest.CORPUS.resolve("directed-cow_fork.vma.gz");
  private static final long LRU = 1L << 5;
  private static final long MMAP = 1L << 11;
  private static final long ANON = 1L << 12;

  @TempDir Path dir;

  private static String text(String... args) {
    Cli cli = Cli.mm(args);
    assertEquals(0, cli.code(), cli.err());
    return cli.out();
  }

  private static ByteBuffer words(String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        Main.run(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            args);
    assertEquals(0, code, err.toString(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(out.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void entriesLeadToFramesThatSayTheSame() throws IOException {
    String[] after = {"--after", FORK.toString(), "--at", "20"};
    Cli export = Cli.mm("proc", "--export", dir.toString(), after[0], after[1], after[2], after[3]);
    assertEquals(0, export.code(), export.err());
    byte[] flags = Files.readAllBytes(dir.resolve("proc/kpageflags"));
    byte[] counts = Files.readAllBytes(dir.resolve("proc/kpagecount"));
    assertEquals(flags.length, counts.length);
    ByteBuffer flagWords = ByteBuffer.wrap(flags).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer countWords = ByteBuffer.wrap(counts).order(ByteOrder.LITTLE_ENDIAN);
    int anon = 0;
    try (FileChannel pagemap = FileChannel.open(dir.resolve("proc/1/pagemap"))) {
      ByteBuffer entries = ByteBuffer.allocate(16 * 8).order(ByteOrder.LITTLE_ENDIAN);
      assertEquals(entries.capacity(), pagemap.read(entries, (0x20000000L >>> 12) * 8));
      for (int i = 0; i < 16; i++) {
        long entry = entries.getLong(i * 8);
        if (entry >= 0) {
          continue;
        }
        int pfn = (int) (entry & (1L << 55) - 1);
        long count = countWords.getLong(pfn * 8);
        assertEquals(count == 1, (entry & 1L << 56) != 0, "exclusive at page " + i);
        if ((entry & 1L << 61) == 0 && count > 0) {
          long wanted = LRU | MMAP | ANON;
          assertEquals(wanted, flagWords.getLong(pfn * 8) & wanted, "page " + i);
          anon++;
        }
      }
    }
    assertTrue(anon > 0, "an anonymous page");
  }

  @Test
  void aRangeIsTheSameInBytesAndInWords() {
    ByteBuffer bytes = words("cat", "/proc/1/pagemap", "--range", "0x400000-0x403000");
    assertEquals(24, bytes.capacity());
    String decoded = text("cat", "/proc/1/pagemap", "--decode", "--range", "0x400000-0x403000");
    for (int i = 0; i < 2; i++) {
      String pfn = "pfn 0x" + Long.toHexString(bytes.getLong(i * 8) & (1L << 55) - 1);
      assertTrue(decoded.contains(pfn), decoded);
    }
    assertTrue(decoded.contains("present,file/shared,exclusive"), decoded);
    ByteBuffer flags = words("cat", "/proc/kpageflags", "--memory", "64M", "--range", "0x9e-0xa0");
    assertEquals(16, flags.capacity());
    assertEquals(1L << 32, flags.getLong(8), "the firmware's frame is reserved");
  }

  @Test
  void everyFrameIsSomething() {
    String decoded = text("cat", "/proc/kpageflags", "--decode", "--memory", "128M");
    long frames =
        decoded
            .lines()
            .skip(1)
            .mapToLong(line -> Long.parseLong(line.strip().split(" +", -1)[0]))
            .sum();
    assertEquals(32768, frames, decoded);
    assertTrue(decoded.contains("buddy") && decoded.contains("pgtable"), decoded);
    assertTrue(decoded.contains("mmap,anon,swapbacked"), decoded);
  }

  @Test
  void theMachineFollowsItsProcesses() {
    String recording = FORK.toString();
    String before = text("cat", "/proc/meminfo", "--after", recording, "--at", "1");
    String after = text("cat", "/proc/meminfo", "--after", recording, "--at", "20");
    for (String name : new String[] {"AnonPages", "Cached", "PageTables", "Committed_AS"}) {
      assertTrue(kb(after, name) > kb(before, name), name + "\n" + before + after);
    }
    assertTrue(kb(after, "MemFree") < kb(before, "MemFree"), after);
    assertEquals(4, kb(after, "Shmem"));
    String vmstat = text("cat", "/proc/vmstat", "--after", recording, "--at", "20");
    assertTrue(vmstat.contains("\nnr_anon_pages " + kb(after, "AnonPages") / 4 + "\n"), vmstat);
    assertTrue(
        !text("cat", "/proc/buddyinfo", "--after", recording, "--at", "20")
            .equals(text("cat", "/proc/buddyinfo")),
        "frames are in use");
  }

  private static long kb(String text, String name) {
    return text.lines()
        .filter(l -> l.startsWith(name + ":"))
        .mapToLong(l -> Long.parseLong(l.replaceAll("[^0-9]", "")))
        .sum();
  }

  @Test
  void whatCannotBeIsRefused() {
    for (String[] args :
        new String[][] {
          {"cat", "/proc/1/pagemap"},
          {"cat", "/proc/2/pagemap", "--decode"},
          {"cat", "/proc/1/maps", "--decode"},
          {"cat", "/proc/1/maps", "--range", "0-1"},
          {"cat", "/proc/kpageflags", "--range", "5"},
          {"cat", "/proc/kpageflags", "--range", "5-5"},
          {"cat", "/proc/kpageflags", "--range", "a-b"},
          {"cat", "/proc/meminfo", "--after", FORK.toString(), "--at", "100000"},
        }) {
      Cli wrong = Cli.mm(args);
      assertEquals(2, wrong.code(), String.join(" ", args) + wrong.err());
      UsageTest.assertThreeParts(wrong);
    }
  }
}
