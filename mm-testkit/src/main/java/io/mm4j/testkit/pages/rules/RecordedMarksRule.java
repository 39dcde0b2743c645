// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.ZoneStats;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.pages.model.Marks;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** PA-40: marks that a report shows. */
final class RecordedMarksRule extends Rule<PageAllocatorProvider> {
  private static final String NAME = "recorded_watermarks";
  private static final List<String> BASIS =
      List.of("min_free_kbytes", "watermark_scale_factor", "lowmem_reserve_ratio");

  RecordedMarksRule() {
    super(
        Spi.PAGE_ALLOCATOR,
        new RuleInfo(
            "PA-40",
            "recorded-marks",
            "With vm.recorded_watermarks the zones that it names have those marks, and those"
                + " reserves if it has any, the others their own; where a vm value that it was"
                + " recorded with is another one all zones have their own; what are no marks is"
                + " refused.",
            "A report's machine decides as it did when its marks are those of the report.",
            "mm4j's reading of /proc/zoneinfo and of Mem-Info reports",
            "a mark is taken for its neighbour, or of another node, or it outlives its settings"));
  }

  @Override
  public @Nullable String missing(PageAllocatorProvider provider, Options options) {
    return provider.settings().stream().anyMatch(setting -> setting.name().equals(NAME))
        ? null
        : "it does not read vm." + NAME;
  }

  /** What is recorded of a zone. */
  private record Line(Zone zone, long min, long low, long high, List<Long> protection) {
    Line {
      protection = List.copyOf(protection);
    }

    static Line any(Seeded random, Zone zone, int kinds) {
      long min = random.below(5_000);
      long low = min + random.below(3_000);
      List<Long> protection = new ArrayList<>();
      for (int i = 0; i < kinds; i++) {
        protection.add(random.below(9_000L));
      }
      return new Line(
          zone, min, low, low + random.below(3_000), random.oneIn(3) ? List.of() : protection);
    }

    String text() {
      StringBuilder out = new StringBuilder();
      out.append(zone.nodeId()).append(' ').append(zone.type().procName());
      out.append(' ').append(min).append(' ').append(low).append(' ').append(high);
      protection.forEach(pages -> out.append(' ').append(pages));
      return out.toString();
    }
  }

  /** Nothing is kept: each machine is opened and closed by the check. */
  private static final class Nothing extends Subject {
    @Override
    public void validate() {}
  }

  @Override
  public Trial<?> trial(PageAllocatorProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    Drawn drawn = Drawn.anySize(random);
    List<Line> lines = new ArrayList<>();
    for (Zone zone : drawn.layout().zones()) {
      if (!random.oneIn(3)) {
        lines.add(Line.any(random, zone, drawn.plan().kinds().size()));
      }
    }
    String changed = BASIS.get(random.below(BASIS.size()));
    return new Trial<Nothing>() {
      @Override
      public List<Operation<Nothing>> operations() {
        return List.of();
      }

      @Override
      public Nothing open() {
        return new Nothing();
      }

      @Override
      public String setup() {
        return drawn + ", recorded " + lines;
      }

      @Override
      public void atEnd(Nothing nothing) {
        Map<String, String> basis = new HashMap<>(drawn.sysctls());
        compare(provider, options, with(drawn, text(basis, lines)), lines);
        basis.merge(changed, "7", (old, other) -> old + other);
        compare(provider, options, with(drawn, text(basis, lines)), List.of());
        refused(provider, options, with(drawn, "1;2"));
        for (String wrong : List.of("0 DMA 1 2", "0 Abnormal 1 2 3", "0 DMA one 2 3")) {
          String all = text(drawn.sysctls(), List.of()) + ';' + wrong;
          refused(provider, options, with(drawn, all));
        }
      }
    };
  }

  private static String text(Map<String, String> basis, List<Line> lines) {
    List<String> parts = new ArrayList<>();
    BASIS.forEach(name -> parts.add(basis.getOrDefault(name, "")));
    lines.forEach(line -> parts.add(line.text()));
    return String.join(";", parts);
  }

  private static Drawn with(Drawn drawn, String text) {
    Drawn again = drawn.again();
    Map<String, String> vm = new HashMap<>(again.sysctls());
    vm.put(NAME, text);
    return new Drawn(again.layout(), again.cpus(), vm, again.plan());
  }

  private static void compare(
      PageAllocatorProvider provider, Options options, Drawn drawn, List<Line> lines) {
    Marks marks = new Marks(drawn.plan());
    try (DrawnSubject s = new DrawnSubject(drawn, provider, options, false)) {
      for (ZoneStats zone : s.stats().zones()) {
        if (zone.spanned() == 0) {
          continue;
        }
        Marks.Numbers own = marks.of(new Marks.Size(zone.nodeId(), zone.type(), zone.managed()));
        Line line =
            lines.stream()
                .filter(l -> l.zone.nodeId() == zone.nodeId() && l.zone.type() == zone.type())
                .findFirst()
                .orElse(null);
        String of = " of node " + zone.nodeId() + " zone " + zone.type().procName();
        checkEqual(line == null ? own.min() : line.min, zone.min(), "min" + of);
        checkEqual(line == null ? own.low() : line.low, zone.low(), "low" + of);
        checkEqual(line == null ? own.high() : line.high, zone.high(), "high" + of);
        List<Long> kept =
            line == null || line.protection.isEmpty() ? own.protection() : line.protection;
        check(kept.equals(zone.protection()), "protection" + of + kept, "" + zone.protection());
      }
    }
  }

  private static void refused(PageAllocatorProvider provider, Options options, Drawn drawn) {
    try (DrawnSubject s = new DrawnSubject(drawn, provider, options, false)) {
      throw new RuleViolation(drawn + " refused", "machine of " + s.drawn.cpus() + " CPUs");
    } catch (InputException e) {
      check(!e.allowed().isBlank(), "what is allowed instead", "nothing");
    }
  }
}
