// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.VmaInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;

/** What an address space shows at one moment. */
record View(List<VmaInfo> vmas, MmFields fields, long generation) {
  static View of(AddressSpace mm) {
    List<VmaInfo> vmas = new ArrayList<>();
    mm.forEachVma(vmas::add);
    return new View(vmas, mm.fields(), mm.mapsGeneration());
  }

  static String line(VmaInfo vma) {
    return Long.toHexString(vma.start())
        + "-"
        + Long.toHexString(vma.end())
        + " "
        + vma.perms()
        + " "
        + Long.toHexString(vma.offsetBytes())
        + " "
        + vma.name();
  }

  /** As maps shows it. */
  String maps() {
    StringBuilder out = new StringBuilder();
    vmas.forEach(vma -> out.append(line(vma)).append('\n'));
    return out.toString();
  }

  /** Maps, flags, break and sums, without pages: what another process cannot change. */
  String state() {
    StringBuilder out = new StringBuilder();
    vmas.forEach(vma -> out.append(line(vma)).append(vma.flags()).append('\n'));
    out.append("brk ").append(fields.brk());
    out.append(" total ").append(fields.totalVmPages());
    out.append(" locked ").append(fields.lockedVmPages());
    out.append(" data ").append(fields.dataVmPages());
    out.append(" committed ").append(fields.committedPages());
    return out.toString();
  }

  /** Addresses at which something may change. */
  NavigableSet<Long> cuts() {
    TreeSet<Long> cuts = new TreeSet<>();
    for (VmaInfo vma : vmas) {
      cuts.add(vma.start());
      cuts.add(vma.end());
    }
    return cuts;
  }

  /** What is mapped at an address, wherever its VMA begins and ends; without guard marks. */
  String at(long addr) {
    for (VmaInfo vma : vmas) {
      if (vma.start() <= addr && addr < vma.end()) {
        long offset = vma.file() == null ? 0 : vma.offsetBytes() + addr - vma.start();
        String name = vma.name().startsWith("[") ? "" : vma.name();
        List<String> flags = vma.flags().stream().filter(f -> !f.equals("gu")).toList();
        return vma.perms() + " " + flags + " " + name + " " + Long.toHexString(offset);
      }
    }
    return "nothing";
  }

  /** Page by page what is mapped: VMAs without their borders, and the break. */
  String contents() {
    StringBuilder out = new StringBuilder();
    String last = "";
    for (long addr : cuts()) {
      String now = at(addr);
      if (ofFile(addr) ? !goesOn(addr) : !now.equals(last)) {
        out.append(Long.toHexString(addr)).append(' ').append(now).append('\n');
      }
      last = now;
    }
    return out + "brk " + Long.toHexString(fields.brk());
  }

  private boolean ofFile(long addr) {
    return vmas.stream().anyMatch(v -> v.start() <= addr && addr < v.end() && v.file() != null);
  }

  /** Whether the same file goes on where one VMA ends and the next begins. */
  private boolean goesOn(long addr) {
    for (int i = 1; i < vmas.size(); i++) {
      VmaInfo upper = vmas.get(i);
      VmaInfo lower = vmas.get(i - 1);
      if (upper.start() == addr && upper.file() != null) {
        return lower.end() == addr
            && upper.file().equals(lower.file())
            && lower.perms().equals(upper.perms())
            && lower.flags().equals(upper.flags())
            && lower.offsetBytes() + lower.bytes() == upper.offsetBytes();
      }
    }
    return false;
  }
}
