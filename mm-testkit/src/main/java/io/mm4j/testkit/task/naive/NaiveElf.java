// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.naive;

import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.ElfImage.Segment;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What a program looks like when exec has loaded it, page by page: from the text of the ELF
 * standard and of load_elf_binary (fs/binfmt_elf.c of Linux 6.18), for a process without
 * randomization. What is loaded later replaces what shares a page with it.
 */
public final class NaiveElf {
  private static final long PAGE = 4096;
  private static final long GAP = 128L << 20;
  private static final long GUARD = 256 * PAGE;

  /** {@code mmap_min_addr}. */
  private static final long LEAST = 65536;

  /**
   * A page.
   *
   * @param perms rwx as maps shows them
   * @param bytes the byte at an address of it
   */
  public record Page(String perms, LongUnaryOperator bytes) {}

  private final Abi abi;
  private final long stackLimit;
  private final boolean upwards;
  private final LongUnaryOperator file;

  /** All pages of program and interpreter. */
  public final TreeMap<Long, Page> pages = new TreeMap<>();

  /** The auxiliary vector's types of which the program decides. */
  public final Map<Long, Long> auxv = new LinkedHashMap<>();

  public long startCode;
  public long endCode;
  public long startData;
  public long endData;
  public long startBrk;

  /**
   * Loads a program.
   *
   * @param stackLimit RLIMIT_STACK, bytes, not negative
   * @param legacy vm.legacy_va_layout
   * @param file the byte of every file at an offset
   */
  public NaiveElf(ExecRequest request, long stackLimit, boolean legacy, LongUnaryOperator file) {
    this.abi = request.abi();
    this.stackLimit = stackLimit;
    this.upwards = legacy || abi == Abi.I386_24;
    this.file = file;
    ElfImage image = request.program().image();
    boolean dynamic = image.type() == ElfImage.ET_DYN;
    ExecRequest.@Nullable Program loader = request.interpreter();
    long bias = dynamic ? bias(image, loader != null) : 0;
    put(image, bias);
    places(image, bias, dynamic && loader == null);
    long base = 0;
    if (loader != null) {
      ElfImage its = loader.image();
      Segment first = loads(its).getFirst();
      long hint = dynamic ? 0 : page(first.vaddr());
      base = (hint == 0 ? lowestFree(its) : Math.max(hint, LEAST)) - page(first.vaddr());
      base = its.type() == ElfImage.ET_EXEC ? 0 : base;
      put(its, base);
    }
    auxv.put(3L, headers(image) + bias);
    auxv.put(4L, (long) image.headerBytes());
    auxv.put(5L, (long) image.segments().size());
    auxv.put(6L, PAGE);
    auxv.put(7L, base);
    auxv.put(8L, 0L);
    auxv.put(9L, image.entry() + bias);
    auxv.put(17L, 100L);
    ExecRequest.Auxiliary who = request.auxiliary();
    auxv.put(11L, (long) who.uid());
    auxv.put(12L, (long) who.uid());
    auxv.put(13L, (long) who.gid());
    auxv.put(14L, (long) who.gid());
    auxv.put(16L, who.hwcap());
    if (abi != Abi.I386_24) {
      auxv.put(23L, 0L);
      auxv.put(26L, who.hwcap2());
      auxv.put(51L, who.minSignalStackBytes());
      auxv.put(27L, 28L); // bytes and alignment of struct rseq
      auxv.put(28L, 32L);
    }
    auxv.replaceAll((type, value) -> word(value));
  }

  /** The end of the first stack. */
  public static long top(Abi abi) {
    return switch (abi) {
      case X86_64 -> 0x7fff_ffff_f000L;
      case IA32_ON_64 -> 0xffff_e000L;
      default -> 0xc000_0000L;
    };
  }

  /** Whether mappings go upwards. */
  public boolean upwards() {
    return upwards;
  }

  /** Bytes of a word of the kernel, whatever the program is. */
  public static int kernelWord(Abi abi) {
    return abi == Abi.X86_64 || abi == Abi.IA32_ON_64 ? 8 : 4;
  }

  private static long page(long addr) {
    return addr - Long.remainderUnsigned(addr, PAGE);
  }

  private static long up(long addr) {
    return page(addr + PAGE - 1);
  }

  private long word(long value) {
    return abi.is64() ? value : value & 0xffffffffL;
  }

  private static List<Segment> loads(ElfImage image) {
    List<Segment> all = new ArrayList<>(image.segments());
    all.removeIf(segment -> !segment.isLoad());
    return all;
  }

  /** Where a mapping as long as the image goes that may go anywhere: it is the first one. */
  private long lowestFree(ElfImage image) {
    long least = Long.MAX_VALUE;
    long most = 0;
    for (Segment segment : loads(image)) {
      least = Math.min(least, page(segment.vaddr()));
      most = Math.max(most, segment.vaddr() + segment.memoryBytes());
    }
    return mmapBase() - (upwards ? 0 : up(most - least));
  }

  /**
   * Below the room for the stack: its limit and a guard gap, but not too little nor too much; where
   * mappings go upwards, at a third.
   */
  public long mmapBase() {
    if (upwards) {
      return up(top(abi) / 3);
    }
    long room = stackLimit + GUARD > 0 ? stackLimit + GUARD : stackLimit;
    return up(top(abi) - Math.max(GAP, Math.min(room, top(abi) / 6 * 5)));
  }

  private long bias(ElfImage image, boolean hasLoader) {
    boolean interpreted = hasLoader || abi == Abi.I386_24; // which has one place for both
    long align = 1; // if no segment asks for a power of two, not even that of a page
    for (Segment segment : loads(image)) {
      align = Long.bitCount(segment.align()) == 1 ? Math.max(align, segment.align()) : align;
    }
    long first = loads(image).getFirst().vaddr();
    if (!interpreted && align <= PAGE) {
      return lowestFree(image) - page(first);
    }
    // The place is fixed: a first segment that begins within a page can make the bias a page less.
    align = align == 1 ? 1 : Math.max(align, PAGE);
    return page((interpreted ? base() : lowestFree(image)) / align * align - first);
  }

  /** ELF_ET_DYN_BASE. */
  private long base() {
    return switch (abi) {
      case X86_64 -> 0x5555_5555_4aaaL;
      case IA32_ON_64 -> 0x5655_5000L;
      case I386_24 -> 0x8000_0000L;
      case I386 -> 0x40_0000L;
    };
  }

  private void put(ElfImage image, long bias) {
    for (Segment s : loads(image)) {
      boolean write = (s.flags() & ElfImage.PF_W) != 0;
      String exec = (s.flags() & ElfImage.PF_X) != 0 ? "x" : "-";
      long start = s.vaddr() + bias;
      long fileEnd = start + s.fileBytes();
      boolean cleared = write && s.memoryBytes() > s.fileBytes();
      long at = page(start);
      if (s.fileBytes() > 0) {
        for (; at < fileEnd; at += PAGE) {
          pages.put(
              at,
              new Page(
                  "r" + (write ? "w" : "-") + exec,
                  addr ->
                      cleared && addr >= fileEnd
                          ? 0
                          : file.applyAsLong(s.offset() + addr - start)));
        }
      }
      for (; s.memoryBytes() > s.fileBytes() && at < start + s.memoryBytes(); at += PAGE) {
        pages.put(at, new Page("rw" + exec, addr -> 0));
      }
    }
  }

  private static long headers(ElfImage image) {
    long at = 0;
    for (Segment s : loads(image)) {
      long within = image.headerOffset() - s.offset();
      at = within >= 0 && within < s.fileBytes() ? s.vaddr() + within : at;
    }
    return at;
  }

  private void places(ElfImage image, long bias, boolean heapElsewhere) {
    long code = Long.MAX_VALUE;
    long end = 0;
    endCode = word(bias);
    for (Segment s : loads(image)) {
      long at = s.vaddr() + bias;
      if ((s.flags() & ElfImage.PF_X) != 0) {
        code = Math.min(code, at);
        endCode = Math.max(endCode, at + s.fileBytes());
      }
      startData = Math.max(startData, at);
      endData = Math.max(endData, at + s.fileBytes());
      end = Math.max(end, at + s.memoryBytes());
    }
    startCode = code == Long.MAX_VALUE ? bias - 1 : code;
    startCode &= kernelWord(abi) == Long.BYTES ? -1 : 0xffffffffL;
    startBrk = up(heapElsewhere ? base() : end);
  }
}
