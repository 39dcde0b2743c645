// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.replay.RunningProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The files of 64-bit words: {@code /proc/PID/pagemap}, {@code /proc/kpageflags} and {@code
 * /proc/kpagecount}, little-endian as on x86, and the same in words.
 */
public final class BinaryFiles {
  /** Frames of a machine whose kpageflags and kpagecount are exported, 8 bytes each. */
  public static final long MOST_EXPORTED = 1L << 24;

  static final String KPAGEFLAGS = "/proc/kpageflags";
  static final String KPAGECOUNT = "/proc/kpagecount";
  private static final Pattern PAGEMAP = Pattern.compile("/proc/([0-9]{1,9})/pagemap");
  private static final int WORD = 8;

  private BinaryFiles() {}

  /**
   * A part of a file.
   *
   * @param from the first address of a pagemap, or the first frame
   * @param end one past the last
   */
  public record Range(long from, long end) {}

  /** Whether a path is one of them. */
  public static boolean isOne(String path) {
    return isOfFrames(path) || PAGEMAP.matcher(path).matches();
  }

  /** Whether a path is about the machine's frames. */
  public static boolean isOfFrames(String path) {
    return path.equals(KPAGEFLAGS) || path.equals(KPAGECOUNT);
  }

  private static RunningProcess process(String path, Scene scene) {
    Matcher matcher = PAGEMAP.matcher(path);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(path);
    }
    return scene.process(Long.parseLong(matcher.group(1)), path);
  }

  private static FramesView frames(String path, Scene scene) {
    return scene
        .requireMachine()
        .frames()
        .orElseThrow(() -> new InputException("this machine shows no frames", path, "--contents"));
  }

  /**
   * Writes the bytes of a file.
   *
   * @param range which part; null for all of it
   * @throws InputException if a pagemap is wanted as a whole, which has 8 bytes for each page of
   *     user space
   */
  public static void write(String path, Scene scene, @Nullable Range range, OutputStream out)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    if (isOfFrames(path)) {
      FramesView view = frames(path, scene);
      Range part = part(range, new Range(0, view.endPfn()));
      view.runs(
          path.equals(KPAGECOUNT),
          part.from,
          part.end,
          (pfn, end, value) -> put(out, buffer, end - pfn, value));
    } else {
      RunningProcess process = process(path, scene);
      if (range == null) {
        long bytes = process.mm().layout().taskSize() >>> 12 << 3;
        throw new InputException(
            String.format(
                Locale.ROOT, "as a whole this file has %d bytes, nearly all of them 0", bytes),
            path,
            "--range START-END (addresses), --decode, or `mm proc --export`, which leaves holes");
      }
      Range part =
          part(
              new Range(range.from & -4096, range.end),
              new Range(0, process.mm().layout().taskSize()));
      long[] next = {part.from};
      process
          .mm()
          .pagemap(
              part.from,
              part.end,
              (addr, value) -> {
                put(out, buffer, (addr - next[0]) >>> 12, 0);
                put(out, buffer, 1, value);
                next[0] = addr + 4096;
              });
      put(out, buffer, Math.max(0, (part.end + 4095 - next[0]) >>> 12), 0);
    }
    flush(out, buffer);
    out.flush();
  }

  private static Range part(@Nullable Range range, Range all) {
    if (range == null) {
      return all;
    }
    return new Range(Math.min(range.from, all.end), Math.min(range.end, all.end));
  }

  private static void put(OutputStream out, ByteBuffer buffer, long count, long value) {
    for (long i = 0; i < count; i++) {
      if (!buffer.hasRemaining()) {
        flush(out, buffer);
      }
      buffer.putLong(value);
    }
  }

  private static void flush(OutputStream out, ByteBuffer buffer) {
    try {
      out.write(buffer.array(), buffer.arrayOffset(), buffer.position());
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
    buffer.clear();
  }

  /** Writes a file of the exported tree; a pagemap has holes where it would be 0. */
  public static void export(String path, Scene scene, Path file) throws IOException {
    if (isOfFrames(path)) {
      try (OutputStream out = new java.io.BufferedOutputStream(Files.newOutputStream(file))) {
        write(path, scene, null, out);
      }
      return;
    }
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.SPARSE)) {
      RunningProcess process = process(path, scene);
      ByteBuffer word = ByteBuffer.allocate(WORD).order(ByteOrder.LITTLE_ENDIAN);
      IOException[] failed = new IOException[1];
      process
          .mm()
          .pagemap(
              0,
              process.mm().layout().taskSize(),
              (addr, value) -> {
                try {
                  word.clear().putLong(value).flip();
                  int _ = channel.write(word, (addr >>> 12) * WORD);
                } catch (IOException e) {
                  failed[0] = e;
                }
              });
      if (failed[0] != null) {
        throw failed[0];
      }
    }
  }

  /** The file in words: page by page of a pagemap, or how many frames have which value. */
  public static String decode(String path, Scene scene, @Nullable Range range) {
    StringBuilder out = new StringBuilder();
    if (!isOfFrames(path)) {
      pages(out, scene, process(path, scene), range);
      return out.toString();
    }
    FramesView view = frames(path, scene);
    Range part = part(range, new Range(0, view.endPfn()));
    boolean counts = path.equals(KPAGECOUNT);
    if (range != null) {
      out.append(String.format(Locale.ROOT, "%-23s %8s  %s\n", "frames", "pages", title(counts)));
      view.runs(
          counts,
          part.from,
          part.end,
          (pfn, end, value) ->
              out.append(
                  String.format(
                      Locale.ROOT,
                      "0x%09x-0x%09x %8d  %s\n",
                      pfn,
                      end,
                      end - pfn,
                      words(counts, value))));
      return out.toString();
    }
    Map<Long, Long> sums = new TreeMap<>(Long::compareUnsigned);
    view.runs(
        counts, part.from, part.end, (pfn, end, value) -> sums.merge(value, end - pfn, Long::sum));
    out.append(String.format(Locale.ROOT, "%10s %8s  %s\n", "pages", "MB", title(counts)));
    sums.forEach(
        (value, pages) ->
            out.append(
                String.format(
                    Locale.ROOT, "%10d %8d  %s\n", pages, pages >> 8, words(counts, value))));
    return out.toString();
  }

  private static String title(boolean counts) {
    return counts ? "mapped by" : "flags";
  }

  private static String words(boolean counts, long value) {
    return counts
        ? value + (value == 1 ? " entry" : " entries")
        : String.format(
            Locale.ROOT, "0x%016x %s", value, String.join(",", KernelPageFlag.words(value)));
  }

  private static void pages(
      StringBuilder out, Scene scene, RunningProcess process, @Nullable Range range) {
    MapsFile maps = new MapsFile(scene.processes());
    FramesView frames = FramesView.of(process.machine());
    Range part = part(range, new Range(0, process.mm().layout().taskSize()));
    process
        .mm()
        .forEachMap(
            vma -> {
              if (vma.start() >= 0 && vma.start() < part.end && vma.end() > part.from) {
                out.append(maps.line(process, vma)).append('\n');
                pages(out, process, vma, part, frames);
              }
            });
  }

  private static void pages(
      StringBuilder out, RunningProcess process, VmaInfo vma, Range part, FramesView frames) {
    Row row = new Row(out, pfn -> pfn < 0 ? "" : about(frames, pfn));
    process
        .mm()
        .pagemap(Math.max(vma.start(), part.from), Math.min(vma.end(), part.end), row::entry);
    row.end();
  }

  private static String about(FramesView frames, long pfn) {
    return " | "
        + String.join(",", KernelPageFlag.words(frames.flags(pfn)))
        + " | count "
        + frames.count(pfn);
  }

  /** Pages in a row whose frames lie in a row, too, and are alike. */
  private static final class Row {
    private final StringBuilder out;
    private final Function<Long, String> about;
    private long start;
    private long pages;
    private long first;
    private String words = "";

    Row(StringBuilder out, Function<Long, String> about) {
      this.out = out;
      this.about = about;
    }

    void entry(long addr, long value) {
      long pfn = Pagemap.pfn(value);
      List<String> bits = Pagemap.words(value);
      String now = String.join(",", bits) + about.apply(pfn);
      boolean goesOn =
          pages > 0
              && addr == start + (pages << 12)
              && now.equals(words)
              && (value >= 0 ? value == first : pfn == Pagemap.pfn(first) + pages);
      if (!goesOn) {
        end();
        start = addr;
        pages = 0;
        first = value;
        words = now;
      }
      pages++;
    }

    void end() {
      if (pages > 0) {
        String where =
            first < 0
                ? String.format(Locale.ROOT, "pfn 0x%x", Pagemap.pfn(first))
                : String.format(
                    Locale.ROOT, "type %d offset %d", first & 31, (first & Pagemap.PFRAME) >>> 5);
        out.append(
            String.format(
                Locale.ROOT,
                "  0x%012x %6d page%s %-16s %s\n",
                start,
                pages,
                pages == 1 ? " " : "s",
                where,
                words));
      }
      pages = 0;
    }
  }
}
