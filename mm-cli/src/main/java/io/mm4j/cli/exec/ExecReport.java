// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.exec;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.cli.proc.MapsFile;
import io.mm4j.cli.text.Table;
import io.mm4j.replay.RunningProcess;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A program that exec has loaded, as text and as JSON. */
public final class ExecReport {
  private final ExecRequest request;
  private final Task task;
  private final AddressSpace mm;
  private final Machine machine;
  private final boolean is64;
  private final boolean old;
  private final String index;
  private final List<Area> areas;
  private final Map<String, @Nullable Object> fields;
  private final List<String> list;
  private final String maps;
  private final List<StackView.Line> stack;
  private final String drawing;
  private final Growth growth;
  private final List<Map<String, @Nullable Object>> found = new ArrayList<>();

  /** Reads what there is before the program has run. */
  public ExecReport(ExecRequest request, Task task, Machine machine) {
    this.request = request;
    this.task = task;
    this.machine = machine;
    mm = Objects.requireNonNull(task.mm());
    MmLayout layout = mm.layout();
    ElfImage image = request.program().image();
    is64 = image.is64();
    old = request.abi() == ExecRequest.Abi.I386_24;
    index = String.valueOf(machine.plugins().get(Spi.VMA_INDEX));
    MmStruct struct = new MmStruct(mm, old, index);
    fields = struct.toMap(layout);
    list = struct.list();
    areas = Area.of(mm, image, request.program().file().file().name(), layout.taskSize());
    maps = new MapsFile(List.of(process())).text(process());
    drawing =
        Drawing.space(areas, layout.taskSize(), is64) + "\n" + Drawing.pages(mm, this::areaName);
    stack = new StackView(mm, is64).lines(mm.fields().places().startStack());
    growth = new Growth(mm, is64);
  }

  private RunningProcess process() {
    return new RunningProcess(
        task.pid(), task.comm(), mm, machine, !is64, 0, Map.of(), name -> name);
  }

  private String areaName(VmaInfo vma) {
    List<Area> in = Area.at(areas, vma.start());
    return in.isEmpty() ? "-" : in.getLast().name();
  }

  /** Says in which area an address is, and what is there. */
  public void find(long addr) {
    Map<String, @Nullable Object> one = new LinkedHashMap<>();
    List<Area> in = Area.at(areas, addr);
    one.put("address", hex(addr));
    one.put("area", in.isEmpty() ? null : in.getLast().name());
    one.put("what", in.isEmpty() ? "a hole: an access is a SIGSEGV" : in.getLast().what());
    VmaInfo[] vma = new VmaInfo[1];
    mm.forEachVma(addr, addr + 1, v -> vma[0] = v);
    one.put(
        "vma",
        vma[0] == null || !Area.at(areas, addr).equals(in)
            ? null
            : hex(vma[0].start()) + "-" + hex(vma[0].end()) + " " + vma[0].perms());
    long root = mm.fields().pgd() >>> 12;
    long paddr = machine.pageTables().translate(root, addr);
    one.put("physical", paddr < 0 ? null : hex(paddr));
    found.add(one);
  }

  /** Has the program ask for memory. */
  public void mallocs(List<Long> sizes) {
    growth.mallocs(sizes);
  }

  /** Has it use so many bytes of stack. */
  public void useStack(long bytes) {
    growth.stack(mm.fields().places().startStack(), bytes);
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** For programs that read it; addresses are text, as they do not fit a number of JSON. */
  public Map<String, @Nullable Object> toMap() {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("program", program());
    map.put("areas", areaTable().toMaps());
    map.put("maps", maps.lines().toList());
    map.put("mm_struct", fields);
    map.put("mmap_list", list);
    List<Map<String, Object>> lines = new ArrayList<>();
    for (StackView.Line line : stack) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("address", hex(line.address()));
      one.put("name", line.name());
      one.put("value", line.value());
      lines.add(one);
    }
    map.put("stack", lines);
    map.put("addresses", found);
    map.put("growth", growth.table().toMaps());
    return map;
  }

  private Map<String, @Nullable Object> program() {
    ElfImage image = request.program().image();
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put("path", request.path());
    map.put("bits", is64 ? 64 : 32);
    map.put("type", image.type() == ElfImage.ET_DYN ? "ET_DYN" : "ET_EXEC");
    map.put("entry", hex(image.entry()));
    map.put("interpreter", image.interpreter());
    map.put("machine", machine.architecture().id());
    map.put("pid", task.pid());
    return map;
  }

  private Table areaTable() {
    Table table =
        new Table(
            List.of(
                Table.column("area", "area"),
                Table.column("start", "start"),
                Table.column("end", "end"),
                Table.column("bytes", "bytes"),
                Table.column("what", "what")));
    for (Area area : areas) {
      boolean kernel = area.name().equals("kernel");
      table.add(
          area.name(),
          hex(area.start()),
          kernel && is64 ? "the end" : hex(area.end()),
          kernel && is64 ? null : (Long) area.bytes(),
          area.what());
    }
    return table;
  }

  /** For people. */
  public String toText() {
    StringBuilder out = new StringBuilder();
    Map<String, @Nullable Object> program = program();
    out.append(
        String.format(
            Locale.ROOT,
            "%s: %s of %s bits, e_entry %s, %s, on %s%n",
            request.path(),
            program.get("type"),
            program.get("bits"),
            program.get("entry"),
            program.get("interpreter") == null
                ? "static"
                : "interpreter " + program.get("interpreter"),
            machine.architecture().id()));
    out.append("\nareas, to the byte\n").append(areaTable().toText("  "));
    if (!found.isEmpty()) {
      out.append("\naddresses\n");
      for (Map<String, @Nullable Object> one : found) {
        out.append(
            String.format(
                Locale.ROOT,
                "  %s: %s; %s%s%n",
                one.get("address"),
                one.get("area") == null ? one.get("what") : one.get("area"),
                one.get("vma") == null ? "no VMA" : "VMA " + one.get("vma"),
                one.get("physical") == null
                    ? ", no page yet"
                    : ", physical " + one.get("physical")));
      }
    }
    out.append("\n/proc/").append(task.pid()).append("/maps\n").append(maps);
    out.append('\n').append(drawing);
    out.append("\nmm_struct of Linux ").append(old ? "2.4" : "6.18").append('\n');
    fields.forEach((name, value) -> out.append(field(name, value)));
    if (old) {
      out.append("  mmap, by vm_next\n");
      list.forEach(line -> out.append("    ").append(line).append('\n'));
    }
    out.append("\nthe stack, from start_stack upwards, read back from RAM\n");
    for (StackView.Line line : stack) {
      out.append(
          String.format(
              Locale.ROOT, "  %x  %-20s %s%n", line.address(), line.name(), line.value()));
    }
    String steps = growth.table().toText("  ");
    if (steps.lines().count() > 1) {
      out.append("\nheap and stack as the program runs\n").append(steps);
    }
    return out.toString();
  }

  private static String field(String name, @Nullable Object value) {
    return String.format(Locale.ROOT, "  %-16s %s%n", name, value);
  }
}
