// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.exec;

import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.ElfImage.Segment;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.ExecRequest.Program;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.call.Calls;
import io.mm4j.process.mm.Mm;
import java.util.List;

/**
 * Maps a program and its interpreter, and finds out what {@code mm_struct} and the auxiliary vector
 * say of them: the middle of {@code load_elf_binary()}, {@code load_elf_interp()}, {@code
 * elf_load()} (fs/binfmt_elf.c, Linux 6.18).
 *
 * <p>Vocabulary: the <i>bias</i> is what is added to every address that the file names. Addresses
 * wrap at 4 GiB in a kernel of 32 bits, and in no other.
 */
final class ElfLoad {
  private static final long DENIED = Uapi.MAP_PRIVATE;

  private final Mm mm;
  private final Calls calls;
  private final UserBytes bytes;
  private final Abi abi;
  private final long mask;

  long startCode = -1;
  long endCode;
  long startData;
  long endData;
  long brk;
  long entry;
  long programHeaders;
  long interpreterBase;

  /** Where the program was meant to begin, for AT_ENTRY. */
  long programEntry;

  ElfImage image;

  private long bias;

  @SuppressWarnings("NullAway.Init") // program() is called before anybody asks for the image
  ElfLoad(Mm mm, Calls calls, UserBytes bytes, Abi abi) {
    this.mm = mm;
    this.calls = calls;
    this.bytes = bytes;
    this.abi = abi;
    this.mask = ExecLayout.kernelWord(abi) == Long.BYTES ? -1 : 0xffffffffL;
  }

  private static long pageStart(long addr) {
    return addr & Mm.PAGE_MASK;
  }

  private static long pageOffset(long addr) {
    return addr & Mm.PAGE - 1;
  }

  private boolean isBad(long addr) {
    return Long.compareUnsigned(addr, mm.taskSize()) >= 0;
  }

  /** Bytes from the first to the last of the image ({@code total_mapping_size}); 0 for nothing. */
  private static long total(List<Segment> segments) {
    long least = -1;
    long most = 0;
    for (Segment segment : segments) {
      if (segment.isLoad()) {
        long from = pageStart(segment.vaddr());
        long to = segment.vaddr() + segment.memoryBytes();
        least = Long.compareUnsigned(from, least) < 0 ? from : least;
        most = Long.compareUnsigned(to, most) > 0 ? to : most;
      }
    }
    return Long.compareUnsigned(most, least) > 0 ? most - least : 0;
  }

  /** The largest alignment that is a power of 2 ({@code maximum_alignment}). */
  private static long alignment(List<Segment> segments) {
    long most = 0;
    for (Segment segment : segments) {
      if (segment.isLoad() && Long.bitCount(segment.align()) == 1) {
        most = Long.compareUnsigned(segment.align(), most) > 0 ? segment.align() : most;
      }
    }
    return Mm.pageAlign(most);
  }

  /** Maps the program; 0 or a negated errno. */
  long program(Program program, boolean interpreted) {
    image = program.image();
    boolean dynamic = image.type() == ElfImage.ET_DYN;
    boolean first = true;
    for (Segment segment : image.segments()) {
      if (!segment.isLoad()) {
        continue;
      }
      long flags = DENIED;
      long total = 0;
      if (!first) {
        flags |= Uapi.MAP_FIXED;
      } else if (!dynamic) {
        flags |= abi == Abi.I386_24 ? Uapi.MAP_FIXED : Uapi.MAP_FIXED_NOREPLACE;
      } else {
        total = total(image.segments());
        if (total == 0) {
          return mm.error(Errno.EINVAL, "the segments have no bytes");
        }
        long place = placeOfDynamic(program, segment, interpreted, total);
        if (Errno.isError(place)) {
          return place;
        }
        flags |= place != 0 && abi != Abi.I386_24 ? Uapi.MAP_FIXED_NOREPLACE : 0;
        bias = pageStart(place - segment.vaddr()) & mask;
      }
      long wanted = bias + segment.vaddr() & mask;
      long at = load(program.file(), wanted, segment, flags, total);
      if (isBad(at)) {
        return Errno.isError(at) ? at : -Errno.EINVAL;
      }
      if (first && dynamic) {
        bias = bias + at - pageStart(wanted) & mask;
      }
      first = false;
      if (!note(segment)) {
        return mm.error(Errno.EINVAL, "a segment ends behind user space or is larger in the file");
      }
    }
    ends(dynamic, interpreted);
    return isBad(entry) && !interpreted
        ? mm.error(Errno.EINVAL, "e_entry is not in user space")
        : 0;
  }

  /** Where a program that can lie anywhere goes; 0 for anywhere. */
  private long placeOfDynamic(Program program, Segment first, boolean interpreted, long total) {
    long align = alignment(image.segments());
    if (interpreted || abi == Abi.I386_24) {
      long base = ExecLayout.dynamicBase(abi);
      return align == 0 ? base : base & -align;
    }
    if (Long.compareUnsigned(align, Mm.PAGE) <= 0) {
      return 0;
    }
    // Room is looked for by mapping, and given back; it begins on the border before.
    long at = load(program.file(), 0, first, DENIED, total);
    if (isBad(at)) {
      return Errno.isError(at) ? at : -Errno.EINVAL;
    }
    long error = calls.munmap(at, Mm.pageAlign(total));
    return error != 0 ? error : at & -align;
  }

  /** What mm_struct wants to know of a segment; false if it cannot be. */
  private boolean note(Segment segment) {
    long k = segment.vaddr();
    if (segment.fileBytes() > 0
        && Long.compareUnsigned(segment.offset(), image.headerOffset()) <= 0
        && Long.compareUnsigned(image.headerOffset(), segment.offset() + segment.fileBytes()) < 0) {
      programHeaders = image.headerOffset() - segment.offset() + k;
    }
    boolean code = (segment.flags() & ElfImage.PF_X) != 0;
    if ((code || abi == Abi.I386_24) && Long.compareUnsigned(k, startCode) < 0) {
      startCode = k;
    }
    startData = Long.compareUnsigned(startData, k) < 0 ? k : startData;
    if (!fits(segment, k)) {
      return false;
    }
    long fileEnd = k + segment.fileBytes();
    endCode = code && Long.compareUnsigned(endCode, fileEnd) < 0 ? fileEnd : endCode;
    endData = Long.compareUnsigned(endData, fileEnd) < 0 ? fileEnd : endData;
    long end = k + segment.memoryBytes();
    brk = Long.compareUnsigned(end, brk) > 0 ? end : brk;
    return true;
  }

  private boolean fits(Segment segment, long at) {
    return !isBad(at)
        && Long.compareUnsigned(segment.fileBytes(), segment.memoryBytes()) <= 0
        && Long.compareUnsigned(segment.memoryBytes(), mm.taskSize()) <= 0
        && Long.compareUnsigned(mm.taskSize() - segment.memoryBytes(), at) >= 0;
  }

  private void ends(boolean dynamic, boolean interpreted) {
    entry = image.entry() + bias & mask;
    programEntry = entry;
    programHeaders = programHeaders + bias & mask;
    startCode = startCode + bias & mask;
    endCode = endCode + bias & mask;
    startData = startData + bias & mask;
    endData = endData + bias & mask;
    brk = brk + bias & mask;
    if (abi == Abi.I386_24) {
      return;
    }
    // A program of its own loader must not have its heap among the mappings.
    brk = Mm.pageAlign(dynamic && !interpreted ? ExecLayout.dynamicBase(abi) : brk);
  }

  /** Maps the interpreter; 0 or a negated errno. */
  long interpreter(Program program) {
    ElfImage elf = program.image();
    long total = total(elf.segments());
    if (total == 0) {
      return mm.error(Errno.EINVAL, "the interpreter's segments have no bytes");
    }
    long base = 0;
    boolean first = true;
    for (Segment segment : elf.segments()) {
      if (!segment.isLoad()) {
        continue;
      }
      boolean fixed = elf.type() == ElfImage.ET_EXEC || !first;
      if (!fixed && bias != 0) {
        base = -segment.vaddr() & mask;
      }
      long flags = DENIED | (fixed ? Uapi.MAP_FIXED : 0);
      long at =
          load(program.file(), base + segment.vaddr() & mask, segment, flags, first ? total : 0);
      if (isBad(at)) {
        return Errno.isError(at) ? at : -Errno.EINVAL;
      }
      if (first && elf.type() == ElfImage.ET_DYN) {
        base = at - pageStart(segment.vaddr()) & mask;
      }
      first = false;
      if (!fits(segment, base + segment.vaddr() & mask)) {
        return mm.error(Errno.ENOMEM, "a segment of the interpreter ends behind user space");
      }
    }
    interpreterBase = base;
    entry = base + elf.entry() & mask;
    return isBad(entry) ? mm.error(Errno.EINVAL, "the interpreter's e_entry is too high") : 0;
  }

  /**
   * {@code elf_load()}: a segment's part of the file, and zeroes behind it.
   *
   * @param total size of the whole image, for whose first segment room for all is looked for; else
   *     0
   * @return where it lies, or a negated errno
   */
  private long load(OpenFile file, long addr, Segment segment, long flags, long total) {
    long inPage = pageOffset(segment.vaddr());
    long at = pageStart(addr);
    long zeroStart = at;
    if (segment.fileBytes() != 0) {
      at = map(file, at, segment, flags, total);
      if (isBad(at)) {
        return at;
      }
      zeroStart = at + inPage + segment.fileBytes();
      boolean more = Long.compareUnsigned(segment.memoryBytes(), segment.fileBytes()) > 0;
      if (more
          && bytes.clearToEndOfPage(zeroStart) != 0
          && (segment.flags() & ElfImage.PF_W) != 0) {
        return mm.error(Errno.EFAULT, "the page in which bss begins cannot be written");
      }
    }
    if (Long.compareUnsigned(segment.memoryBytes(), segment.fileBytes()) > 0) {
      long zeroEnd = Mm.pageAlign(at + inPage + segment.memoryBytes());
      long from = Mm.pageAlign(zeroStart);
      long error = calls.vmBrk(from, zeroEnd - from, (segment.flags() & ElfImage.PF_X) != 0);
      return error != 0 ? error : at;
    }
    return at;
  }

  /** {@code elf_map()}. */
  private long map(OpenFile file, long at, Segment segment, long flags, long total) {
    long inPage = pageOffset(segment.vaddr());
    long size = Mm.pageAlign(segment.fileBytes() + inPage);
    long offset = segment.offset() - inPage;
    if (size == 0) {
      return at;
    }
    long whole = total == 0 ? size : Mm.pageAlign(total);
    if (pageOffset(offset) != 0 || Long.compareUnsigned(offset + Mm.pageAlign(whole), offset) < 0) {
      return mm.error(Errno.EINVAL, "p_offset and p_vaddr lie at different places in their pages");
    }
    long mapped = calls.mapFile(file, at, whole, segment.prot(), flags, offset);
    if (total != 0 && !isBad(mapped) && Long.compareUnsigned(whole, size) > 0) {
      long _ = calls.munmap(mapped + size, whole - size);
    }
    return mapped;
  }
}
