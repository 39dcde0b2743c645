// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The calls inside plugins as the kernel's function_graph tracer prints them: indented, with
 * durations, a leaf on one line. {@link TraceAgent} lets methods report here.
 *
 * <pre>
 *  0)               |  __get_free_pages() {
 *  0)               |    alloc_pages() {
 *  0)   0.217 us    |      rmqueue_pcplist();
 *  0)   1.308 us    |    }
 *  0)   2.004 us    |  }
 * </pre>
 *
 * <p>Names: mm4j's methods have the kernel's names in Java's spelling, so they are spelt back
 * ({@code kmemCacheAlloc} is {@code kmem_cache_alloc}) or looked up. Of mm4j's own floors only
 * methods that are a function of the kernel are shown. Of a third party's plugin all are, but those
 * without arguments and small ones, as the kernel's inlined functions are no lines. The number
 * before the bracket is that of the thread. Durations hold the cost of tracing what is inside.
 *
 * <p>Threads: any; what one thread does between the outermost call and its end is printed together.
 */
@API(status = API.Status.EXPERIMENTAL)
public final class FunctionGraph {
  /** Signs of long durations, and from how many nanoseconds on. */
  private static final long[] LONG_NS = {
    1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000
  };

  private static final String SIGNS = "$@*#!+";

  private static final int DIGITS = 7;

  /** In place of a duration where a call begins. */
  private static final String BLANK = " ".repeat(14);

  private static final ThreadLocal<Calls> CALLS = ThreadLocal.withInitial(Calls::new);
  private static volatile @Nullable FunctionGraph current;
  private static final Map<String, Name> NAMES = new ConcurrentHashMap<>();

  /** Calls that somebody makes of a machine, where the graph begins if no root is named. */
  private static final Set<String> ENTRIES =
      Set.of(
          "allocPages",
          "freePages",
          "mmap",
          "munmap",
          "mprotect",
          "mremap",
          "brk",
          "madvise",
          "mlock",
          "fork",
          "exit",
          "vmalloc",
          "vfree",
          "ioremap");

  /** And a page fault, which nobody asks for by name. */
  private static final String FAULT = "exc_page_fault";

  /** How a method is printed, whether the graph may begin with it, and whether it is mm4j's. */
  private record Name(String text, boolean entry, boolean ours) {}

  private final Appendable out;
  private final int maxDepth;
  private final Set<String> roots;
  private final AtomicInteger threads = new AtomicInteger();

  /** Whether one of the roots has been called. */
  private volatile boolean begun;

  /**
   * A graph that prints to somebody.
   *
   * @param out who keeps the text
   * @param maxDepth {@code max_graph_depth}: how deep calls are shown; 0 for no limit
   * @param roots {@code set_graph_function}: only these and what they call; empty for all
   */
  public FunctionGraph(Appendable out, int maxDepth, Set<String> roots) {
    this.out = out;
    this.maxDepth = maxDepth;
    this.roots = Set.copyOf(roots);
    write(
        """
        # tracer: function_graph
        #
        # CPU  DURATION                  FUNCTION CALLS
        # |     |   |                     |   |   |   |
        """);
  }

  /** From now on calls are printed by this graph. */
  public void start() {
    current = this;
  }

  /** From now on nobody prints calls. A graph of named functions says so if none was called. */
  public static void stop() {
    FunctionGraph graph = current;
    current = null;
    if (graph != null && !graph.begun && !graph.roots.isEmpty()) {
      graph.write("# nobody called " + String.join(", ", new TreeSet<>(graph.roots)) + "\n");
    }
  }

  /**
   * A method begins: called by the methods themselves.
   *
   * @param origin {@code Type.method/parameters}
   */
  public static void enter(String origin) {
    FunctionGraph graph = current;
    if (graph != null) {
      CALLS.get().enter(graph, NAMES.computeIfAbsent(origin, FunctionGraph::read));
    }
  }

  /** The method that began last on this thread ends. */
  public static void exit() {
    FunctionGraph graph = current;
    if (graph != null) {
      CALLS.get().exit(graph);
    }
  }

  private synchronized void write(String text) {
    try {
      out.append(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What one thread is in. */
  private static final class Calls {
    private @Nullable FunctionGraph of;
    private int number;
    private final StringBuilder text = new StringBuilder();
    private final List<String> names = new ArrayList<>();
    private final List<Long> starts = new ArrayList<>();

    /** How many methods of the same name each call has passed on to: one function in the kernel. */
    private final List<Integer> folded = new ArrayList<>();

    /** The depth below which calls are shown; -1 while none of the roots has been called. */
    private int root = -1;

    /** Whether the innermost call is printed as begun, or may still become a leaf. */
    private boolean open = true;

    /** What an earlier graph saw is none of this one's business. */
    private void beginOf(FunctionGraph graph) {
      of = graph;
      number = graph.threads.getAndIncrement();
      text.setLength(0);
      names.clear();
      starts.clear();
      folded.clear();
      root = -1;
      open = true;
    }

    void enter(FunctionGraph graph, Name called) {
      if (of != graph) {
        beginOf(graph);
      }
      String name = called.text;
      if (called.ours && !names.isEmpty() && names.getLast().equals(name)) {
        folded.set(folded.size() - 1, folded.getLast() + 1);
        return;
      }
      boolean begins = graph.roots.isEmpty() ? called.entry : graph.roots.contains(name);
      if (root < 0 && begins) {
        root = names.size();
        graph.begun = true;
      }
      names.add(name);
      folded.add(0);
      if (shown(graph)) {
        if (!open) {
          // The call around it turns out to be no leaf.
          line(BLANK, names.size() - 2, names.get(names.size() - 2) + "() {");
        }
        open = false;
      }
      starts.add(System.nanoTime());
    }

    void exit(FunctionGraph graph) {
      if (of != graph || names.isEmpty()) {
        return; // it began before the graph was started
      }
      if (folded.getLast() > 0) {
        folded.set(folded.size() - 1, folded.getLast() - 1);
        return;
      }
      folded.removeLast();
      long ns = System.nanoTime() - starts.removeLast();
      boolean shown = shown(graph);
      String name = names.removeLast();
      if (shown) {
        line(duration(ns), names.size(), open ? "}" : name + "();");
        open = true;
      }
      if (names.size() <= root) {
        root = -1;
      }
      if (root < 0 && !text.isEmpty()) {
        graph.write(text.toString());
        text.setLength(0);
      }
    }

    private boolean shown(FunctionGraph graph) {
      int depth = names.size() - root;
      return root >= 0 && depth > 0 && (graph.maxDepth == 0 || depth <= graph.maxDepth);
    }

    private void line(String time, int depth, String what) {
      text.append(String.format(Locale.ROOT, "%2d) ", number)).append(time).append("|  ");
      text.append("  ".repeat(Math.max(0, depth - root))).append(what).append('\n');
    }
  }

  /** How long something took, with a sign if that is long, in the width of its column. */
  static String duration(long ns) {
    char sign = ' ';
    for (int i = LONG_NS.length - 1; i >= 0; i--) {
      sign = ns > LONG_NS[i] ? SIGNS.charAt(i) : sign;
    }
    // Seven digits at most, as trace_print_graph_duration() prints them: 28497.29 us.
    String micros = Long.toString(ns / 1000);
    if (micros.length() < DIGITS) {
      String rest = String.format(Locale.ROOT, "%03d", ns % 1000);
      micros += "." + rest.substring(0, Math.min(3, DIGITS - micros.length()));
    }
    return String.format(Locale.ROOT, "%c %-12s", sign, micros + " us");
  }

  private static Name read(String origin) {
    String method = origin.replaceFirst("/.*", "");
    String name = name(origin);
    boolean entry =
        origin.startsWith("io.mm4j.api.")
            || name.equals(FAULT)
            || ENTRIES.contains(method.substring(method.lastIndexOf('.') + 1));
    return new Name(name, entry, origin.startsWith("io.mm4j."));
  }

  /** The kernel's spelling of a method. */
  static String name(String origin) {
    int dot =
        origin.lastIndexOf('.', origin.indexOf('/') < 0 ? origin.length() : origin.indexOf('/'));
    String type = origin.substring(origin.lastIndexOf('.', dot - 1) + 1, Math.max(dot, 0));
    String method = origin.substring(dot + 1).replaceFirst("/.*", "");
    int parameters = parameters(origin.replaceFirst("^[^/]*/", ""));
    String known = KernelNames.of(type + "." + method);
    if (known != null) {
      return known;
    }
    if (method.equals("allocPages") && !type.equals("PageCalls")) {
      return parameters == 3
          ? "alloc_pages"
          : parameters == 4 ? "alloc_pages_node" : "__alloc_pages";
    }
    if (method.equals("kmalloc") && !origin.contains("/(Lio/mm4j/api/Cpu;")) {
      return "create_kmalloc_cache"; // a request names its CPU first
    }
    if (type.endsWith("CpuPages") && method.equals("allocSlow")) {
      return "alloc_pages_node";
    }
    if (origin.contains("Cache;") && type.endsWith("Allocator")) {
      switch (method) {
        case "alloc" -> {
          return "kmem_cache_alloc";
        }
        case "free" -> {
          return "kmem_cache_free";
        }
        default -> {
          // spelt as it is
        }
      }
    }
    return KernelNames.spelt(method);
  }

  /** How many parameters a descriptor such as {@code (JII)V} has. */
  static int parameters(String descriptor) {
    int count = 0;
    for (int i = 1; i < descriptor.length() && descriptor.charAt(i) != ')'; i++) {
      char c = descriptor.charAt(i);
      if (c == '[') {
        continue;
      }
      if (c == 'L') {
        i = descriptor.indexOf(';', i);
      }
      count++;
    }
    return count;
  }
}
