// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.translate;

import io.mm4j.api.pagetable.AbsentBits;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.SwapType;
import java.util.ArrayList;
import java.util.List;

/** Entries in words. */
final class EntryText {
  private final PageTableFormat format;

  EntryText(PageTableFormat format) {
    this.format = format;
  }

  /** What Linux calls the table of this level: as many names as levels. */
  String level(int level) {
    int levels = format.levels();
    if (level == levels) {
      return "PGD";
    }
    return switch (level) {
      case 1 -> "PTE";
      case 2 -> "PMD";
      case 3 -> "PUD";
      default -> "P4D";
    };
  }

  /** An entry as wide as it is. */
  String hex(long entry) {
    return String.format("0x%0" + 2 * format.shape().entryBytes() + "x", entry);
  }

  /** What it is: table, page, none ... */
  String kind(int level, long entry) {
    if (format.isNone(entry)) {
      return "none";
    }
    if (format.isTable(level, entry)) {
      return "table";
    }
    if (format.isLeaf(level, entry)) {
      return format.bits().isMapped(entry) ? "page" : "not-accessible";
    }
    AbsentBits absent = format.absent();
    if (absent.isGuard(entry)) {
      return "guard";
    }
    return absent.isSwap(entry)
        ? "swap"
        : absent.isMigration(entry) ? "migration" : absent.isMarker(entry) ? "marker" : "absent";
  }

  /** The names of its bits, the lowest first, as the manual and Linux have them. */
  List<String> flags(int level, long entry) {
    List<String> names = new ArrayList<>();
    EntryBits bits = format.bits();
    if (format.isNone(entry)) {
      return names;
    }
    if (format.isAbsent(level, entry)) {
      AbsentBits absent = format.absent();
      add(names, absent.isExclusive(entry), "exclusive");
      add(names, absent.isSoftDirty(entry), "soft-dirty");
      add(names, absent.isUffdWp(entry), "uffd-wp");
      return names;
    }
    boolean leaf = format.isLeaf(level, entry);
    add(names, bits.isMapped(entry), "P");
    add(names, bits.isWrite(entry), "R/W");
    add(names, bits.isUser(entry), "U/S");
    add(names, (entry & bits.writeThrough()) != 0, "PWT");
    add(names, (entry & bits.cacheDisable()) != 0, "PCD");
    add(names, bits.isYoung(entry), "A");
    add(names, (entry & bits.dirty()) != 0, "D");
    if (leaf) {
      add(names, level > 1, "PS");
      add(names, bits.isMapped(entry) && bits.isGlobal(entry), "G");
      add(names, bits.isProtnone(entry), "prot-none");
      add(names, (entry & (level == 1 ? bits.pat() : bits.patLarge())) != 0, "PAT");
      add(names, bits.isSpecial(entry), "special");
      add(names, bits.isUffdWp(entry), "uffd-wp");
      add(names, bits.isSoftDirty(entry), "soft-dirty");
      add(names, (entry & bits.savedDirty()) != 0, "saved-dirty");
    }
    add(names, (entry & bits.noExec()) != 0, "NX");
    return names;
  }

  private static void add(List<String> names, boolean is, String name) {
    if (is) {
      names.add(name);
    }
  }

  /** Where it leads. */
  String meaning(int level, long entry) {
    String kind = kind(level, entry);
    AbsentBits absent = format.absent();
    return switch (kind) {
      case "none" -> "nothing is there";
      case "table" -> String.format("the table in frame 0x%x", format.tablePfn(entry));
      case "page" -> pages(level, entry);
      case "not-accessible" -> pages(level, entry) + ", resident, and nobody may use it";
      case "guard" -> "a guard marker: any access is a SIGSEGV";
      case "marker" -> "a marker, bits 0x" + Long.toHexString(absent.markerBits(entry));
      case "swap" ->
          String.format("slot 0x%x of swap file %d", absent.offset(entry), absent.type(entry));
      case "migration" ->
          String.format(
              "frame 0x%x is being moved%s",
              absent.offset(entry),
              absent.type(entry) == SwapType.MIGRATION_WRITE ? ", writable" : "");
      default ->
          String.format("absent, type %d offset 0x%x", absent.type(entry), absent.offset(entry));
    };
  }

  private String pages(int level, long entry) {
    long bytes = format.bytes(level);
    CacheMode cache = format.cache(level, entry);
    return String.format(
        "%s page in frame 0x%x%s",
        bytes >= 1 << 30
            ? (bytes >> 30) + " GiB"
            : bytes >= 1 << 20 ? (bytes >> 20) + " MiB" : (bytes >> 10) + " KiB",
        format.pfn(level, entry),
        cache == CacheMode.WB ? "" : ", memory type " + cache);
  }
}
