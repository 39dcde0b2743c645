// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.exec;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.MmLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The fields of {@code mm_struct} by the names of a kernel: of 2.4 with the list, the tree and the
 * cache of VMAs (include/linux/sched.h), or of 6.18 with the maple tree (include/linux/mm_types.h).
 * Fields that both have have the older name where they were only renamed, with the new one behind.
 */
final class MmStruct {
  private final AddressSpace mm;
  private final MmFields fields;
  private final boolean old;
  private final String index;

  /**
   * Reads them.
   *
   * @param old in the form of 2.4
   * @param index the plugin that keeps the VMAs
   */
  MmStruct(AddressSpace mm, boolean old, String index) {
    this.mm = mm;
    this.fields = mm.fields();
    this.old = old;
    this.index = index;
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  private static @Nullable String vma(long start) {
    return start == -1 ? "NULL" : "VMA at " + hex(start);
  }

  /** Name to value: text for addresses, numbers for what is counted. */
  Map<String, @Nullable Object> toMap(@Nullable MmLayout layout) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    MmFields.Vmas vmas = fields.vmas();
    MmFields.Users users = fields.users();
    MmFields.Sums sums = fields.sums();
    MmFields.Tables tables = fields.tables();
    if (old) {
      map.put("mmap", vma(vmas.mmap()));
      map.put("mm_rb", vma(vmas.mmRb()));
      map.put("mmap_cache", vma(vmas.mmapCache()));
    } else {
      map.put("mm_mt", index + " of " + vmas.mapCount() + " VMAs, first " + hex(vmas.mmap()));
    }
    if (layout != null && !old) {
      map.put("mmap_base", hex(layout.mmapBase()));
      map.put("task_size", hex(layout.taskSize()));
    }
    map.put("pgd", hex(tables.pgd()));
    map.put("mm_users", users.mmUsers());
    map.put("mm_count", users.mmCount());
    map.put("map_count", vmas.mapCount());
    map.put(old ? "mmap_sem" : "mmap_lock", users.mmapSem());
    map.put("page_table_lock", users.pageTableLock() ? 1 : 0);
    map.put("mmlist", users.mmlist() ? "on the list" : "empty");
    places(map, fields.places());
    map.put(old ? "rss" : "rss_stat", sums.rssPages());
    map.put("total_vm", sums.totalVmPages());
    map.put("locked_vm", sums.lockedVmPages());
    if (!old) {
      map.put("data_vm", sums.dataVmPages());
      map.put("exec_vm", sums.execVmPages());
      map.put("stack_vm", sums.stackVmPages());
      map.put("hiwater_vm", sums.hiwaterVmPages());
      map.put("pgtables_bytes", tables.tablePages() << 12);
    }
    map.put("def_flags", hex(vmas.defFlags()));
    map.put(old ? "cpu_vm_mask" : "cpu_bitmap", hex(tables.cpuVmMask()));
    if (old) {
      map.put("swap_address", hex(users.swapAddress()));
      map.put("dumpable", users.dumpable() ? 1 : 0);
      map.put("context", "no LDT");
    } else {
      map.put("flags", users.dumpable() ? "dumpable" : "not dumpable");
      map.put("context", "vdso " + hex(tables.context()));
    }
    return map;
  }

  private static void places(Map<String, @Nullable Object> map, MmFields.Places places) {
    map.put("start_code", hex(places.startCode()));
    map.put("end_code", hex(places.endCode()));
    map.put("start_data", hex(places.startData()));
    map.put("end_data", hex(places.endData()));
    map.put("start_brk", hex(places.startBrk()));
    map.put("brk", hex(places.brk()));
    map.put("start_stack", hex(places.startStack()));
    map.put("arg_start", hex(places.argStart()));
    map.put("arg_end", hex(places.argEnd()));
    map.put("env_start", hex(places.envStart()));
    map.put("env_end", hex(places.envEnd()));
  }

  /** The sorted list of VMAs, as {@code vm_next} leads through it. */
  List<String> list() {
    List<String> out = new ArrayList<>();
    mm.forEachMap(
        v -> {
          if (v.start() >= 0) {
            out.add(
                String.format(
                    Locale.ROOT, "vm_start=0x%x vm_end=0x%x %s", v.start(), v.end(), v.perms()));
          }
        });
    return out;
  }
}
