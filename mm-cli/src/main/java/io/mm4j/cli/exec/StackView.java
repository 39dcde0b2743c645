// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.exec;

import io.mm4j.api.process.AddressSpace;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The first stack of a program, read back from the simulated memory as its start code would. */
final class StackView {
  private static final int MOST_STRING = 4096;
  private static final Map<Long, String> NAMES =
      Map.ofEntries(
          Map.entry(0L, "AT_NULL"),
          Map.entry(3L, "AT_PHDR"),
          Map.entry(4L, "AT_PHENT"),
          Map.entry(5L, "AT_PHNUM"),
          Map.entry(6L, "AT_PAGESZ"),
          Map.entry(7L, "AT_BASE"),
          Map.entry(8L, "AT_FLAGS"),
          Map.entry(9L, "AT_ENTRY"),
          Map.entry(11L, "AT_UID"),
          Map.entry(12L, "AT_EUID"),
          Map.entry(13L, "AT_GID"),
          Map.entry(14L, "AT_EGID"),
          Map.entry(15L, "AT_PLATFORM"),
          Map.entry(16L, "AT_HWCAP"),
          Map.entry(17L, "AT_CLKTCK"),
          Map.entry(23L, "AT_SECURE"),
          Map.entry(25L, "AT_RANDOM"),
          Map.entry(26L, "AT_HWCAP2"),
          Map.entry(27L, "AT_RSEQ_FEATURE_SIZE"),
          Map.entry(28L, "AT_RSEQ_ALIGN"),
          Map.entry(31L, "AT_EXECFN"),
          Map.entry(32L, "AT_SYSINFO"),
          Map.entry(33L, "AT_SYSINFO_EHDR"),
          Map.entry(51L, "AT_MINSIGSTKSZ"));

  /** Pairs whose value is the address of a string. */
  private static final List<Long> STRINGS = List.of(15L, 31L);

  private final AddressSpace mm;
  private final int word;

  /** What stands at an address, in words. */
  record Line(long address, String name, String value) {}

  StackView(AddressSpace mm, boolean is64) {
    this.mm = mm;
    this.word = is64 ? 8 : 4;
  }

  private long word(long at) {
    long value = 0;
    for (int i = word - 1; i >= 0; i--) {
      value = value << 8 | (mm.read(at + i).value() & 255);
    }
    return value;
  }

  private String string(long at) {
    byte[] bytes = new byte[MOST_STRING];
    int n = 0;
    for (int b = mm.read(at).value(); b > 0 && n < MOST_STRING; b = mm.read(at + n).value()) {
      bytes[n++] = (byte) b;
    }
    return '"' + new String(bytes, 0, n, StandardCharsets.UTF_8) + '"';
  }

  /** The words from the stack pointer on, to AT_NULL. */
  List<Line> lines(long pointer) {
    List<Line> out = new ArrayList<>();
    long argc = word(pointer);
    out.add(new Line(pointer, "argc", Long.toString(argc)));
    long at = pointers(out, pointer + word, "argv");
    at = pointers(out, at, "envp");
    long type;
    do {
      type = word(at);
      long value = word(at + word);
      String text = String.format(Locale.ROOT, "0x%x", value);
      if (STRINGS.contains(type)) {
        text += " " + string(value);
      }
      out.add(new Line(at, NAMES.getOrDefault(type, "AT_" + type), text));
      at += 2L * word;
    } while (type != 0);
    return out;
  }

  private long pointers(List<Line> out, long from, String name) {
    long at = from;
    for (int i = 0; ; i++) {
      long pointer = word(at);
      String value =
          pointer == 0 ? "NULL" : String.format(Locale.ROOT, "0x%x %s", pointer, string(pointer));
      out.add(new Line(at, name + "[" + i + "]", value));
      at += word;
      if (pointer == 0) {
        return at;
      }
    }
  }
}
