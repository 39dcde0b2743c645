// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.cli.proc.SlabFiles;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Explains requests to the slab allocator, one after the other on one machine. */
public final class SlabExplainer {
  /** How they are typed, by name. */
  private static final OperationForms FORMS =
      new OperationForms(
          "requests to the slab allocator",
          "kmalloc SIZE [GFP]",
          "kzalloc SIZE [GFP]",
          "krealloc ADDR SIZE [GFP]",
          "kfree ADDR",
          "kmem_cache_create NAME SIZE [ALIGN]",
          "kmem_cache_alloc CACHE [GFP]",
          "kmem_cache_free CACHE ADDR",
          "kmem_cache_shrink CACHE",
          "kmem_cache_destroy CACHE");

  private static final String ADDRESS = "$1 or r1 (the first call's result), or a number";

  private final Machine machine;
  private final SlabAllocator slabs;
  private final Cpu cpu;
  private final List<Long> results;

  /** On a machine, which is changed. */
  public SlabExplainer(Machine machine) {
    this(machine, new ArrayList<>());
  }

  /**
   * On a machine, which is changed.
   *
   * @param results what the operations before gave, in order; grows
   */
  public SlabExplainer(Machine machine, List<Long> results) {
    this.results = results;
    this.machine = machine;
    this.slabs = machine.slabs();
    this.cpu = machine.cpus().get(0);
  }

  /** Whether there is an operation of that name. */
  public static boolean knows(String operation) {
    return FORMS.knows(operation);
  }

  /** How they are typed. */
  public static List<String> forms() {
    return FORMS.all();
  }

  /**
   * Throws if it is none of these operations, or has too few or too many arguments.
   *
   * @param call its name and its arguments as typed
   */
  public static void check(List<String> call) {
    FORMS.check(call);
  }

  /**
   * Makes a request.
   *
   * @param call its name and its arguments as typed
   * @throws InputException if an argument is wrong; nothing is changed then
   */
  public Explanation explain(List<String> call) {
    check(call);
    Map<String, String> before = rows();
    List<Step> steps = new ArrayList<>();
    PluginSpec spec = machine.plugins().get(Spi.SLAB);
    String plugin = spec == null ? "slab" : spec.name();
    boolean watched = slabs.watch(new Steps(steps, plugin));
    String result;
    try {
      result = make(call);
    } catch (MisuseException e) {
      results.add(SlabAllocator.NO_OBJECT);
      result = "refused: " + e.getMessage();
    } finally {
      boolean _ = slabs.watch(null);
    }
    if (!watched) {
      steps.add(new Step("plugin", "this slab allocator does not show its inner steps"));
    }
    return new Explanation(
        String.join(" ", call),
        FORMS.arguments(call),
        steps,
        result,
        null,
        changes(before, rows()));
  }

  private Map<String, String> rows() {
    Map<String, String> rows = new LinkedHashMap<>();
    slabs.caches().forEach(cache -> rows.put(cache.name(), SlabFiles.row(cache)));
    return rows;
  }

  private static List<Change> changes(Map<String, String> before, Map<String, String> after) {
    List<String> gone = new ArrayList<>();
    List<String> come = new ArrayList<>();
    before.forEach(
        (name, row) -> {
          if (!row.equals(after.get(name))) {
            gone.add(row.replaceAll(" : tunables.*: slabdata", " : slabdata"));
          }
        });
    after.forEach(
        (name, row) -> {
          if (!row.equals(before.get(name))) {
            come.add(row.replaceAll(" : tunables.*: slabdata", " : slabdata"));
          }
        });
    return gone.isEmpty() && come.isEmpty()
        ? List.of()
        : List.of(new Change("slabinfo", "slabinfo", gone, come));
  }

  private String make(List<String> call) {
    String where = String.join(" ", call);
    return switch (call.getFirst()) {
      case "kmalloc" -> object(slabs.kmalloc(cpu, size(call.get(1), where), gfp(call, 2)));
      case "kzalloc" -> object(slabs.kzalloc(cpu, size(call.get(1), where), gfp(call, 2)));
      case "krealloc" ->
          object(
              slabs.krealloc(
                  cpu, address(call.get(1), where), size(call.get(2), where), gfp(call, 3)));
      case "kfree" -> {
        slabs.kfree(cpu, address(call.get(1), where));
        yield done();
      }
      case "kmem_cache_create" -> create(call, where);
      case "kmem_cache_alloc" ->
          object(slabs.kmemCacheAlloc(cpu, cache(call.get(1), where), gfp(call, 2)));
      case "kmem_cache_free" -> {
        slabs.kmemCacheFree(cpu, cache(call.get(1), where), address(call.get(2), where));
        yield done();
      }
      case "kmem_cache_shrink" -> {
        long pages = slabs.kmemCacheShrink(cpu, cache(call.get(1), where));
        results.add(pages);
        yield pages + " pages given back";
      }
      default -> {
        slabs.kmemCacheDestroy(cpu, cache(call.get(1), where));
        yield done();
      }
    };
  }

  private String done() {
    results.add(SlabAllocator.NO_OBJECT);
    return "done";
  }

  private String object(long paddr) {
    results.add(paddr);
    if (paddr == SlabAllocator.NO_OBJECT) {
      return "NULL: no memory";
    }
    if (paddr == SlabAllocator.ZERO_SIZE_PTR) {
      return "ZERO_SIZE_PTR (0x10): nothing was asked for";
    }
    return String.format(
        "paddr 0x%x, kernel address 0x%x, %d bytes",
        paddr, machine.architecture().va(paddr), slabs.ksize(paddr));
  }

  private String create(List<String> call, String where) {
    long bytes = size(call.get(2), where);
    long align = call.size() > 3 ? size(call.get(3), where) : 0;
    if (bytes < 1 || bytes > KmemCacheArgs.MAX_BYTES || align > KmemCacheArgs.MAX_BYTES) {
      throw new InputException(
          "an object of " + bytes + " bytes aligned to " + align, where, "1 byte to 4 MiB");
    }
    KmemCache cache =
        slabs.kmemCacheCreate(KmemCacheArgs.of(call.get(1), (int) bytes).withAlign((int) align));
    results.add((long) cache.id());
    return String.format(
        "cache %s: size %d, align %d, order %d, %d objects a slab, %d aliases",
        cache.name(),
        cache.size(),
        cache.align(),
        cache.order(),
        cache.objectsPerSlab(),
        cache.aliases());
  }

  private KmemCache cache(String name, String where) {
    for (KmemCache cache : slabs.caches()) {
      if (cache.name().equals(name) || slabs.aliasesOf(cache).contains(name)) {
        return cache;
      }
    }
    List<String> names = slabs.caches().stream().map(KmemCache::name).sorted().toList();
    throw new InputException(
        "there is no cache '" + name + "'" + Nearest.hint(name, names),
        where,
        String.join(", ", names) + "; kmem_cache_create NAME SIZE makes one");
  }

  private static long size(String text, String where) {
    // kmalloc(0) has an answer: ZERO_SIZE_PTR.
    return text.equals("0") ? 0 : Sizes.parseSize(text, where);
  }

  private static int gfp(List<String> call, int at) {
    return call.size() > at ? Gfp.parse(call.get(at), "GFP") : Gfp.GFP_KERNEL;
  }

  private long address(String text, String where) {
    if (text.equals("NULL")) {
      return SlabAllocator.NO_OBJECT;
    }
    if (text.matches("[$rR][0-9]{1,6}")) {
      int number = Integer.parseInt(text.substring(1));
      if (number < 1 || number > results.size()) {
        throw new InputException("there is no result " + text, where, ADDRESS);
      }
      return results.get(number - 1);
    }
    long value = Sizes.parseNumber(text, where);
    long offset = machine.architecture().pageOffset();
    return Long.compareUnsigned(value, offset) >= 0 ? value - offset : value;
  }

  /** What happens, as steps. */
  private static final class Steps implements SlabEvents {
    private final List<Step> steps;
    private final String plugin;

    Steps(List<Step> steps, String plugin) {
      this.steps = steps;
      this.plugin = plugin;
    }

    @Override
    public void alloc(
        Cpu cpu, @Nullable KmemCache cache, long paddr, long bytesReq, long bytesAlloc, int gfp) {
      String from = cache == null ? "the page allocator" : "cache " + cache.name();
      String what =
          paddr == SlabAllocator.NO_OBJECT
              ? "nothing from " + from
              : String.format(
                  "0x%x from %s: bytes_req=%d bytes_alloc=%d", paddr, from, bytesReq, bytesAlloc);
      steps.add(new Step("alloc", what + " gfp_flags=" + Gfp.format(gfp)));
    }

    @Override
    public void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      String to = cache == null ? "a large block" : "an object of cache " + cache.name();
      steps.add(new Step("free", String.format("0x%x is %s", paddr, to)));
    }

    @Override
    public void newSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
      steps.add(
          new Step(
              "slab",
              "new: pfn "
                  + pfn
                  + ", order "
                  + order
                  + ", with "
                  + (4096 << order) / cache.size()
                  + " objects of "
                  + cache.size()
                  + " bytes"));
    }

    @Override
    public void discardSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
      steps.add(new Step("slab", "pfn " + pfn + ", order " + order + " goes back: it is empty"));
    }

    @Override
    public void step(Cpu cpu, String text) {
      steps.add(new Step(plugin, text));
    }
  }
}
