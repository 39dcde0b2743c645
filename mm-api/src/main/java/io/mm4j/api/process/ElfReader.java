// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import io.mm4j.api.InputException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Reads the headers of an ELF file as {@code load_elf_binary()} does (fs/binfmt_elf.c, Linux 6.18):
 * what the kernel refuses with ENOEXEC is refused here, with the byte that it is about; what it
 * does not look at is not looked at. Whether the file is of 32 or 64 bits follows from {@code
 * e_machine}, as there.
 *
 * <p>Layout: {@code e_ident} 0-15, {@code e_type} 16, {@code e_machine} 18; then, 64 bits (32
 * bits), {@code e_entry} 24 (24), {@code e_phoff} 32 (28), {@code e_phentsize} 54 (42), {@code
 * e_phnum} 56 (44). All little-endian.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class ElfReader {
  private static final int MAGIC = 0x464c457f;
  private static final int EM_386 = 3;
  private static final int EM_486 = 6;
  private static final int EM_X86_64 = 62;
  private static final int MOST_HEADER_BYTES = 65536;
  private static final int PATH_MAX = 4096;

  private final String name;
  private final MappedFile.Content bytes;
  private final long size;

  private ElfReader(String name, MappedFile.Content bytes, long size) {
    this.name = name;
    this.bytes = bytes;
    this.size = size;
  }

  /**
   * Reads the headers.
   *
   * @param name of the file, for messages
   * @throws InputException if the kernel would not take it for a program, with the place and what
   *     is allowed there
   */
  public static ElfImage read(String name, MappedFile.Content bytes, long sizeBytes) {
    return new ElfReader(name, bytes, sizeBytes).image();
  }

  /** The same for a file whose bytes are known. */
  public static ElfImage read(MappedFile file) {
    MappedFile.Content content = file.content();
    if (content == null) {
      throw new InputException("its bytes are not known", file.name(), "a file that can be read");
    }
    return read(file.name(), content, file.sizeBytes());
  }

  /** Of the magic number, in the order of the file. */
  private String firstBytes() {
    long magic = number(0, 4);
    return String.format(
        Locale.ROOT,
        "%02x %02x %02x %02x",
        magic & 0xff,
        (magic >> 8) & 0xff,
        (magic >> 16) & 0xff,
        (magic >> 24) & 0xff);
  }

  private ElfImage image() {
    if (size >= 2 && bytes.byteAt(0) == '#' && bytes.byteAt(1) == '!') {
      throw error("a script and no ELF file", 0, "the program that its first line names");
    }
    if (size < 52) {
      throw error("the file has " + size + " bytes", size, "an ELF header of 52 or 64 bytes");
    }
    if (number(0, 4) != MAGIC) {
      throw error("this is no ELF file: it begins with " + firstBytes(), 0, "7f 45 4c 46 (ELF)");
    }
    int type = (int) number(16, 2);
    if (type != ElfImage.ET_EXEC && type != ElfImage.ET_DYN) {
      throw error("e_type=" + type, 16, "2 (ET_EXEC) or 3 (ET_DYN)");
    }
    int machine = (int) number(18, 2);
    if (machine != EM_386 && machine != EM_486 && machine != EM_X86_64) {
      throw error("e_machine=" + machine, 18, "62 (x86-64), 3 or 6 (386)");
    }
    boolean is64 = machine == EM_X86_64;
    if (is64 && size < 64) {
      throw error("the file has " + size + " bytes", size, "an ELF header of 64 bytes");
    }
    long entry = word(24, is64);
    long phoff = word(is64 ? 32 : 28, is64);
    List<ElfImage.Segment> segments = segments(is64, phoff);
    return new ElfImage(
        is64, type, entry, phoff, segments, interpreter(segments, phoff, is64), stack(segments));
  }

  private List<ElfImage.Segment> segments(boolean is64, long phoff) {
    int entryBytes = is64 ? 56 : 32;
    int entryAt = is64 ? 54 : 42;
    int given = (int) number(entryAt, 2);
    if (given != entryBytes) {
      throw error("e_phentsize=" + given, entryAt, Integer.toString(entryBytes));
    }
    int count = (int) number(entryAt + 2, 2);
    int most = MOST_HEADER_BYTES / entryBytes;
    if (count < 1 || count > most) {
      throw error("e_phnum=" + count, entryAt + 2, "1 to " + most);
    }
    if (phoff < 0 || phoff > size - (long) count * entryBytes) {
      throw error(
          String.format("e_phoff=0x%x: %d program headers end behind the file", phoff, count),
          is64 ? 32 : 28,
          "headers within the file's " + size + " bytes");
    }
    List<ElfImage.Segment> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      all.add(segment(phoff + (long) i * entryBytes, is64));
    }
    return all;
  }

  private ElfImage.Segment segment(long at, boolean is64) {
    return is64
        ? new ElfImage.Segment(
            (int) number(at, 4),
            (int) number(at + 4, 4),
            number(at + 8, 8),
            number(at + 16, 8),
            number(at + 32, 8),
            number(at + 40, 8),
            number(at + 48, 8))
        : new ElfImage.Segment(
            (int) number(at, 4),
            (int) number(at + 24, 4),
            number(at + 4, 4),
            number(at + 8, 4),
            number(at + 16, 4),
            number(at + 20, 4),
            number(at + 28, 4));
  }

  private @Nullable String interpreter(List<ElfImage.Segment> segments, long phoff, boolean is64) {
    for (int i = 0; i < segments.size(); i++) {
      ElfImage.Segment segment = segments.get(i);
      if (segment.type() != ElfImage.PT_INTERP) {
        continue;
      }
      long header = phoff + (long) i * (is64 ? 56 : 32);
      long length = segment.fileBytes();
      if (length < 2 || length > PATH_MAX) {
        throw error(
            "PT_INTERP has p_filesz=" + Long.toUnsignedString(length),
            header + (is64 ? 32 : 16),
            "2 to " + PATH_MAX);
      }
      if (segment.offset() < 0 || segment.offset() > size - length) {
        throw error(
            String.format("PT_INTERP has p_offset=0x%x, behind the file", segment.offset()),
            header + (is64 ? 8 : 4),
            "a path within the file's " + size + " bytes");
      }
      return path(segment.offset(), (int) length);
    }
    return null;
  }

  private String path(long offset, int length) {
    if (bytes.byteAt(offset + length - 1) != 0) {
      throw error("the path of PT_INTERP has no end", offset + length - 1, "a zero byte");
    }
    byte[] text = new byte[length];
    int n = 0;
    while (bytes.byteAt(offset + n) != 0) {
      text[n] = (byte) bytes.byteAt(offset + n);
      n++;
    }
    return new String(text, 0, n, StandardCharsets.UTF_8);
  }

  private static ElfImage.StackRight stack(List<ElfImage.Segment> segments) {
    ElfImage.StackRight right = ElfImage.StackRight.DEFAULT;
    for (ElfImage.Segment segment : segments) {
      if (segment.type() == ElfImage.PT_GNU_STACK) {
        right =
            (segment.flags() & ElfImage.PF_X) != 0
                ? ElfImage.StackRight.EXECUTE
                : ElfImage.StackRight.NO_EXECUTE;
      }
    }
    return right;
  }

  private long word(long at, boolean is64) {
    return number(at, is64 ? 8 : 4);
  }

  private long number(long at, int count) {
    long value = 0;
    for (int i = count - 1; i >= 0; i--) {
      value = value << 8 | (bytes.byteAt(at + i) & 255);
    }
    return value;
  }

  private InputException error(String what, long at, String allowed) {
    return new InputException(what, name + ": byte 0x" + Long.toHexString(at), allowed);
  }
}
