// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lines with ranges of memory that are not the kernel's map of the firmware, as a boot log would
 * print that one.
 *
 * <pre>
 * (XEN)  0000000000100000 - 00000000bfff0000 (usable)           Xen's own map
 * (XEN)  [0000000000100000, 00000000bffeffff] (usable)          the same, since 4.14
 *  memory[0x1]  [0x0000000000100000-0x000000003fffffff], ...    memblock=debug
 * 0x0000000000000000-0x000000007fffffff  2G online yes 0-15     lsmem
 * efi: mem02: type=7, attr=0xf, range=[0x100000-0x40000000)     efi=debug, before 4.4
 * efi: mem02: [Conventional|...|UC] range=[0x100000-0x3fffffff] the same since
 * </pre>
 */
final class MapLines {
  private static final String HEX = "(0x[0-9a-f]{1,16})";

  /** Loader, boot services and conventional memory are RAM ({@code do_add_efi_memmap()}). */
  private static final String EFI = ".*\\befi: mem\\d{1,4}: ";

  /**
   * A form of line.
   *
   * @param line a whole line
   * @param plain what it is in a boot log
   */
  private record Form(Pattern line, String plain) {}

  private static final List<Form> FORMS =
      List.of(
          new Form(
              Pattern.compile(".*\\(XEN\\)\\s+([0-9a-f]{16} - [0-9a-f]{16} \\([a-zA-Z ]+\\))\\s*"),
              "Xen: $1"),
          new Form(
              Pattern.compile(
                  ".*\\(XEN\\)\\s+\\[([0-9a-f]{16}), ([0-9a-f]{16})\\] \\(([a-zA-Z ]+)\\)\\s*"),
              "Xen: [mem 0x$1-0x$2] $3"),
          new Form(
              Pattern.compile(".*\\bmemory\\[0x[0-9a-f]+\\]\\s+\\[" + HEX + "-" + HEX + "\\].*"),
              "memblock: [mem $1-$2] usable"),
          new Form(
              Pattern.compile("\\s*" + HEX + "-" + HEX + "\\s+[0-9.,]+[KMGTP]\\s+online\\b.*"),
              "lsmem: [mem $1-$2] usable"),
          new Form(
              Pattern.compile(EFI + "type=(?:[1-4]|7), .*range=\\[" + HEX + "-" + HEX + "\\).*"),
              "efi map: $1 - $2 (usable)"),
          new Form(
              Pattern.compile(EFI + "type=\\d+, .*range=\\[" + HEX + "-" + HEX + "\\).*"),
              "efi map: $1 - $2 (reserved)"),
          new Form(
              Pattern.compile(
                  EFI
                      + "\\[(?:Conventional|Loader|Boot) ?[^|]*\\|.*range=\\["
                      + HEX
                      + "-"
                      + HEX
                      + "\\].*"),
              "efi map: [mem $1-$2] usable"),
          new Form(
              Pattern.compile(EFI + "\\[.*range=\\[" + HEX + "-" + HEX + "\\].*"),
              "efi map: [mem $1-$2] reserved"));

  private MapLines() {}

  /** The line as a boot log has it; itself if it is none of these. */
  static String plain(String line) {
    for (Form form : FORMS) {
      Matcher matcher = form.line().matcher(line);
      if (matcher.matches()) {
        return matcher.replaceFirst(form.plain());
      }
    }
    return line;
  }
}
