// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.exec;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A small malloc of a program, on brk and mmap: when glibc's (malloc/malloc.c, 2.36) asks the
 * kernel for memory, and for how much.
 *
 * <p>Vocabulary: a <i>chunk</i> is a block with its size in front; the <i>top</i> is the free rest
 * at the end of the heap. A chunk comes from a freed one or from the top; if the top is too small,
 * a request of {@code M_MMAP_THRESHOLD} (128 KiB) or more gets a mapping of its own and a smaller
 * one has the heap grow by it and {@code M_TOP_PAD} (128 KiB). A mapping that is freed raises the
 * threshold to its size, up to 32 MiB. A top of {@code M_TRIM_THRESHOLD} or more is given back.
 *
 * <p>Headers are written to the simulated memory, so their pages are touched; nothing else is.
 *
 * <p>Differences: one arena, no caches of small chunks (tcache, fastbins), freed chunks are taken
 * by best fit and join their neighbours at once.
 */
public final class UserMalloc {
  private static final long PAGE = 4096;
  private static final long TOP_PAD = 128L << 10;
  private static final long MOST_THRESHOLD = 32L << 20;
  private static final long ALIGN = 16;
  private static final long PREV_INUSE = 1;
  private static final long IS_MMAPPED = 2;

  private final AddressSpace mm;
  private final int word;
  private final long least;
  private long threshold = 128L << 10;
  private long trim = 128L << 10;
  private long top;
  private long topBytes;

  /** Chunks in use: place to size. */
  private final Map<Long, Long> used = new TreeMap<>();

  private final Map<Long, Long> mapped = new TreeMap<>();
  private final TreeMap<Long, Long> free = new TreeMap<>();
  private final List<String> calls = new ArrayList<>();

  /** On a process; its heap is empty. */
  public UserMalloc(AddressSpace mm, boolean is64) {
    this.mm = mm;
    this.word = is64 ? 8 : 4;
    this.least = 4L * word;
  }

  /** {@code M_MMAP_THRESHOLD} now. */
  public long threshold() {
    return threshold;
  }

  /** The system calls of the last operation, as strace prints them. */
  public List<String> lastCalls() {
    return List.copyOf(calls);
  }

  private static long up(long bytes, long to) {
    return bytes + to - 1 & -to;
  }

  /**
   * {@code malloc()}.
   *
   * @return the address, or 0 if there is no memory
   */
  public long malloc(long bytes) {
    calls.clear();
    if (bytes < 0 || bytes > Long.MAX_VALUE / 2) {
      return 0;
    }
    long need = Math.max(least, up(bytes + word, ALIGN));
    Map.Entry<Long, Long> fit = null;
    for (Map.Entry<Long, Long> each : free.entrySet()) {
      if (each.getValue() >= need && (fit == null || each.getValue() < fit.getValue())) {
        fit = each;
      }
    }
    if (fit != null) {
      return take(fit.getKey(), fit.getValue(), need);
    }
    if (topBytes >= need + least) {
      return carve(need);
    }
    if (need >= threshold) {
      long at = map(need);
      if (at != 0) {
        return at;
      }
    }
    return grow(need) ? carve(need) : 0;
  }

  private long take(long chunk, long size, long need) {
    free.remove(chunk);
    long rest = size - need;
    long given = rest >= least ? need : size;
    if (rest >= least) {
      free.put(chunk + need, rest);
      header(chunk + need, rest | PREV_INUSE);
    }
    used.put(chunk, given);
    header(chunk, given | PREV_INUSE);
    return chunk + 2L * word;
  }

  private long carve(long need) {
    long chunk = top;
    top += need;
    topBytes -= need;
    used.put(chunk, need);
    header(chunk, need | PREV_INUSE);
    header(top, topBytes | PREV_INUSE);
    return chunk + 2L * word;
  }

  private long map(long need) {
    long size = up(need + word, PAGE);
    long at = mm.mmap(0, size, 3, 0x22, -1, 0);
    calls.add(
        "mmap(NULL, "
            + size
            + ", PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = "
            + result(at));
    if (Errno.isError(at)) {
      return 0;
    }
    mapped.put(at, size);
    header(at, size | IS_MMAPPED);
    return at + 2L * word;
  }

  private static String result(long value) {
    return Errno.isError(value)
        ? "-1 " + Errno.nameOf((int) -value)
        : "0x" + Long.toHexString(value);
  }

  private long sbrk(long to) {
    long now = mm.brk(to);
    calls.add("brk(" + (to == 0 ? "NULL" : "0x" + Long.toHexString(to)) + ") = " + result(now));
    return now;
  }

  private boolean grow(long need) {
    long end = top + topBytes;
    if (top == 0) {
      end = sbrk(0);
      top = up(end + 2L * word, ALIGN) - 2L * word;
      topBytes = 0;
    }
    long wanted = up(need + TOP_PAD + least - topBytes + top + topBytes - end, PAGE);
    long to = up(end + wanted, PAGE);
    if (sbrk(to) != to) {
      if (topBytes == 0) {
        top = 0;
      }
      return false;
    }
    topBytes = to - top;
    header(top, topBytes | PREV_INUSE);
    return true;
  }

  /**
   * {@code free()}.
   *
   * @param addr what {@link #malloc} gave
   * @return false if it gave no such address, or it is free already
   */
  public boolean free(long addr) {
    calls.clear();
    long chunk = addr - 2L * word;
    Long size = mapped.remove(chunk);
    if (size != null) {
      if (size > threshold && size <= MOST_THRESHOLD) {
        threshold = size;
        trim = 2 * size;
      }
      long error = mm.munmap(chunk, size);
      calls.add("munmap(0x" + Long.toHexString(chunk) + ", " + size + ") = " + error);
      return true;
    }
    Long bytes = used.remove(chunk);
    if (bytes == null) {
      return false;
    }
    join(chunk, bytes);
    return true;
  }

  private void join(long chunk, long bytes) {
    long start = chunk;
    long size = bytes;
    Map.Entry<Long, Long> below = free.lowerEntry(chunk);
    if (below != null && below.getKey() + below.getValue() == chunk) {
      start = below.getKey();
      size += below.getValue();
      free.remove(start);
    }
    Long above = free.remove(chunk + bytes);
    size += above == null ? 0 : above;
    if (start + size != top) {
      free.put(start, size);
      header(start, size | PREV_INUSE);
      return;
    }
    top = start;
    topBytes += size;
    header(top, topBytes | PREV_INUSE);
    if (topBytes >= trim) {
      long extra = (topBytes - least - 1 - TOP_PAD) & -PAGE;
      if (extra > 0) {
        long now = sbrk(top + topBytes - extra);
        topBytes = now - top;
        header(top, topBytes | PREV_INUSE);
      }
    }
  }

  /** The size of a chunk stands in front of what malloc gives. */
  private void header(long chunk, long value) {
    for (int i = 0; i < word; i++) {
      var _ = mm.write(chunk + word + i, (int) (value >>> (8 * i)) & 255);
    }
  }
}
