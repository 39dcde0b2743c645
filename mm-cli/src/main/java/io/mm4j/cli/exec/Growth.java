// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.exec;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.cli.text.Table;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a program does to its heap and stack, and what the kernel had to give for it. */
final class Growth {
  private static final long PAGE = 4096;

  private final AddressSpace mm;
  private final UserMalloc malloc;
  private final Table table =
      new Table(
          List.of(
              Table.column("step", "step"),
              Table.column("calls", "system calls"),
              Table.column("address", "address"),
              Table.column("area", "area"),
              Table.column("virtual_kb", "virtual kB"),
              Table.column("resident_kb", "resident kB")));

  Growth(AddressSpace mm, boolean is64) {
    this.mm = mm;
    this.malloc = new UserMalloc(mm, is64);
  }

  /** The steps so far. */
  Table table() {
    return table;
  }

  private void row(String step, String calls, long addr, MmFields before) {
    MmFields now = mm.fields();
    table.add(
        step,
        calls.isEmpty() ? "none" : calls,
        addr == 0 ? "NULL" : "0x" + Long.toHexString(addr),
        area(addr),
        signed((now.totalVmPages() - before.totalVmPages()) * 4),
        signed((now.rssPages() - before.rssPages()) * 4));
  }

  private static String signed(long kb) {
    return (kb > 0 ? "+" : "") + kb;
  }

  private String area(long addr) {
    String[] found = {"hole"};
    mm.forEachVma(
        addr,
        addr + 1,
        v -> found[0] = v.name().isEmpty() ? "mmap" : v.name().replaceAll("[\\[\\]]", ""));
    return found[0];
  }

  /** Asks for each, writes to all of it, and gives all back, the last first. */
  void mallocs(List<Long> sizes) {
    List<Long> given = new ArrayList<>();
    for (long bytes : sizes) {
      MmFields before = mm.fields();
      long addr = malloc.malloc(bytes);
      row("malloc(" + bytes + ")", String.join("; ", malloc.lastCalls()), addr, before);
      given.add(addr);
    }
    for (int i = 0; i < given.size(); i++) {
      MmFields before = mm.fields();
      long addr = given.get(i);
      if (addr != 0) {
        long bytes = sizes.get(i);
        for (long at = addr; at < addr + bytes; at = (at & -PAGE) + PAGE) {
          var _ = mm.write(at, 1);
        }
        row("write all " + bytes, "", addr, before);
      }
    }
    for (long addr : given.reversed()) {
      MmFields before = mm.fields();
      if (addr != 0 && malloc.free(addr)) {
        row("free", String.join("; ", malloc.lastCalls()), addr, before);
      }
    }
  }

  /** Calls functions that need so much stack: every page below the pointer is written. */
  void stack(long pointer, long bytes) {
    MmFields before = mm.fields();
    long lowest = pointer;
    TouchOutcome outcome = new TouchOutcome(TouchOutcome.Kind.OK, pointer, 0);
    for (long at = pointer - 1; at >= pointer - bytes && outcome.ok(); at = (at & -PAGE) - 1) {
      outcome = mm.write(at, 1);
      lowest = outcome.ok() ? at : lowest;
    }
    String end =
        outcome.ok()
            ? ""
            : String.format(Locale.ROOT, "SIGSEGV (%s) at 0x%x", outcome.kind(), outcome.uaddr());
    row("write " + bytes + " of stack", end, lowest & -PAGE, before);
  }
}
