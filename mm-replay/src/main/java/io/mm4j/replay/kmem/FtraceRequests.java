// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.replay.report.GfpText;
import io.mm4j.replay.report.KernelVersion;
import io.mm4j.replay.text.Cursor;
import io.mm4j.replay.text.LineSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The page events of an ftrace buffer ({@code trace}, {@code trace-cmd report}) or of {@code perf
 * script}: {@code mm_page_alloc} and the events of frees. What a block's first frame is called is
 * all that is needed of it, so traces of any machine can be played.
 *
 * <pre>
 *    gnome-terminal-1567  [000]  4415.246506: mm_page_alloc: page=ffffea0003db9f40 pfn=1155800 order=0 migratetype=0 gfp_flags=GFP_KERNEL
 *    swapper     0 [000]   889.213383: kmem:mm_page_free: page=0x.. pfn=0xed008 order=0
 *    sh       1234   889.213390:      1 kmem:mm_page_free: page=0x.. pfn=0xed009 order=0
 * </pre>
 */
public final class FtraceRequests implements RequestTrace {
  /** How a line with an event begins. */
  private static final Pattern LINE =
      Pattern.compile(
          "\\s*\\S.*?(?:\\[([0-9]{1,5})\\]|\\s[0-9]{1,9})\\s+(?:\\S{4,6}\\s+)?"
              + "([0-9]{1,12})\\.([0-9]{1,9}):\\s+(?:[0-9]{1,9}\\s+)?(?:kmem:)?([a-z_0-9]+):"
              + "\\s*(.*)");

  /** The same in a dump of the buffer after an oops, and with the option latency-format. */
  private static final Pattern LATENCY =
      Pattern.compile(
          "\\s*(?:\\[["
              + " 0-9.]{1,20}\\]\\s+)?\\S.*?-[0-9]{1,9}\\s+([0-9]{1,4})\\S{4,6}\\s+([0-9]{1,15})us"
              + "[^:]{0,4}:\\s+([a-z_0-9]+):\\s*(.*)");

  /** The same among the functions of function_graph, as a comment. */
  private static final Pattern GRAPH =
      Pattern.compile(
          "(?:\\s*([0-9]{1,12})\\.([0-9]{1,9}) \\|)?\\s*([0-9]{1,5})\\)\\s.*?/\\* ([a-z_0-9]+):"
              + " (.*?) ?\\*/");

  /** The same as perf trace prints it: milliseconds, and only what is not 0. */
  private static final Pattern PERF_TRACE =
      Pattern.compile(
          "\\s*([0-9]{1,12})\\.([0-9]{3}) .{0,48}?kmem:([a-z_0-9]+)(?::|\\()(.*?)\\)?\\s*");

  /** What a line can be; a free belongs to a request. */
  private enum Kind {
    REQUEST,
    OTHER_EVENT,
    NO_EVENT
  }

  /** Whether the text has page events of ftrace or perf. */
  private static final Pattern PAGE_EVENT =
      Pattern.compile(
          "(?m)^.*(?:\\[[0-9]{1,5}\\].*:|[0-9]\\.[0-9]{6}:.*|/\\*|[0-9]us[^:]{0,4}:|[0-9]\\.[0-9]{3}"
              + " .*)[ ]+(?:kmem:)?mm_page(?:vec)?_[a-z_]+[:(].*\\bpfn[=:]");

  /** What no request can be both. */
  private static final int MOBILITY = Gfp.__GFP_MOVABLE | Gfp.__GFP_RECLAIMABLE;

  /** How printf shows a null pointer, some with blanks in front. */
  private static final Pattern NO_PAGE = Pattern.compile("\\bpage= *\\((?:null|nil)\\)");

  private static final Pattern FIELD = Pattern.compile("([a-z_]+)=(\\S+)");

  private final LineSource source;
  private final Cursor at;
  private final Map<String, Long> others = new TreeMap<>();
  private @Nullable KernelVersion version;
  private long notRead;
  private String firstNotRead = "";
  private boolean free;
  private long timeNs;
  private int cpu;
  private long pfn;
  private int order;
  private int gfp;
  private long events;

  private FtraceRequests(LineSource source) {
    this.source = source;
    this.at = new Cursor(source);
  }

  /** Whether this is the beginning of such a text. */
  public static boolean looksLike(String start) {
    return PAGE_EVENT.matcher(start).find();
  }

  /** Opens a file, plain or gzip. */
  public static FtraceRequests open(Path file) {
    return new FtraceRequests(LineSource.open(file));
  }

  @Override
  public boolean next() {
    while (source.next()) {
      at.startLine();
      String line = at.wholeLine().stripTrailing();
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      Kind kind = line(line);
      if (kind == Kind.NO_EVENT) {
        KernelVersion named = KernelVersion.in(line);
        version = named == null ? version : named;
        notRead(line);
      } else if (kind == Kind.REQUEST) {
        events++;
        return true;
      }
    }
    if (events == 0) {
      throw new InputException(
          "there is no mm_page_alloc and no mm_page_free in it",
          source.name(),
          "text of ftrace or perf script with the events kmem:mm_page_alloc and kmem:mm_page_free");
    }
    return false;
  }

  private void notRead(String line) {
    if (notRead++ == 0) {
      firstNotRead =
          "line " + source.number() + ": '" + line.substring(0, Math.min(60, line.length())) + "'";
    }
  }

  private Kind line(String line) {
    Matcher matcher = LINE.matcher(line);
    if (matcher.matches()) {
      cpu = matcher.group(1) == null ? 0 : Integer.parseInt(matcher.group(1));
      timeNs = nanoseconds(matcher.group(2), matcher.group(3), 1_000_000_000L);
      return event(matcher.group(4), matcher.group(5), null);
    }
    matcher = LATENCY.matcher(line);
    if (matcher.matches()) {
      cpu = Integer.parseInt(matcher.group(1));
      timeNs = Long.parseLong(matcher.group(2)) * 1_000;
      return event(matcher.group(3), matcher.group(4), null);
    }
    matcher = GRAPH.matcher(line);
    if (matcher.matches()) {
      cpu = Integer.parseInt(matcher.group(3));
      boolean timed = matcher.group(1) != null;
      timeNs = timed ? nanoseconds(matcher.group(1), matcher.group(2), 1_000_000_000L) : timeNs;
      return event(matcher.group(4), matcher.group(5), null);
    }
    matcher = PERF_TRACE.matcher(line);
    if (matcher.matches()) {
      cpu = 0;
      timeNs = nanoseconds(matcher.group(1), matcher.group(2), 1_000_000L);
      return event(matcher.group(3), matcher.group(4).replace(": ", "=").replace(",", " "), 0L);
    }
    return Kind.NO_EVENT;
  }

  private static long nanoseconds(String whole, String fraction, long unitNs) {
    double part = Double.parseDouble("0." + fraction);
    return Long.parseLong(whole) * unitNs + Math.round(part * unitNs);
  }

  /**
   * Takes an event's fields.
   *
   * @param order0 the order of a request that names none, null if it has to
   */
  private Kind event(String name, String text, @Nullable Long order0) {
    boolean alloc = name.equals("mm_page_alloc");
    boolean freed =
        name.equals("mm_page_free")
            || name.equals("mm_page_free_direct")
            || name.equals("mm_page_free_batched")
            || name.equals("mm_pagevec_free");
    if (!alloc && !freed) {
      others.merge(name, 1L, Long::sum);
      return Kind.OTHER_EVENT;
    }
    Fields fields = new Fields(text, source.name() + ", line " + source.number());
    free = freed;
    // Single pages only are freed in batches, and their events need not say so.
    order = (int) fields.number("order", freed ? Long.valueOf(0) : order0, 63);
    String page = fields.text("page", "");
    boolean none = NO_PAGE.matcher(text).find() || page.matches("(0x)?0+");
    String frame = fields.text("pfn", "");
    pfn =
        alloc && (none || frame.equals("-1") || frame.equals("18446744073709551615"))
            ? -1
            : fields.number("pfn", null, 1L << 52);
    if (order > Pages.MAX_PAGE_ORDER && pfn >= 0) {
      throw new InputException(
          "a block of order " + order, fields.where(), "orders of 0 to " + Pages.MAX_PAGE_ORDER);
    }
    if (alloc && pfn >= 0 && (pfn & ((1L << order) - 1)) != 0) {
      throw new InputException(
          "a block of order " + order + " begins at pfn=" + pfn,
          fields.where(),
          "a multiple of " + (1L << order) + ": blocks are aligned to their size");
    }
    gfp = alloc ? GfpText.parse(fields.text("gfp_flags", "0"), version, fields.where()) : 0;
    if ((gfp & MOBILITY) == MOBILITY) {
      throw new InputException(
          "gfp_flags=" + fields.text("gfp_flags", "0") + " is movable and reclaimable at once",
          fields.where(),
          "at most one of __GFP_MOVABLE (0x8) and __GFP_RECLAIMABLE (0x10)");
    }
    return Kind.REQUEST;
  }

  /** The fields of one event. */
  private record Fields(String text, String where) {
    String text(String key, String otherwise) {
      Matcher matcher = FIELD.matcher(text);
      while (matcher.find()) {
        if (matcher.group(1).equals(key)) {
          return matcher.group(2);
        }
      }
      return otherwise;
    }

    long number(String key, @Nullable Long otherwise, long max) {
      String word = text(key, "").toLowerCase(Locale.ROOT);
      if (word.isEmpty() && otherwise != null) {
        return otherwise;
      }
      boolean hex = word.startsWith("0x");
      String digits = hex ? word.substring(2) : word;
      if (!digits.matches(hex ? "[0-9a-f]{1,15}" : "[0-9]{1,17}")
          || Long.parseLong(digits, hex ? 16 : 10) > max) {
        throw new InputException(
            word.isEmpty() ? "the event has no " + key : key + "=" + word + " cannot be",
            where,
            key + "= with a number of 0 to " + max);
      }
      return Long.parseLong(digits, hex ? 16 : 10);
    }
  }

  @Override
  public boolean isFree() {
    return free;
  }

  @Override
  public long timeNs() {
    return timeNs;
  }

  @Override
  public int cpu() {
    return cpu;
  }

  @Override
  public long pfn() {
    return pfn;
  }

  @Override
  public int order() {
    return order;
  }

  @Override
  public int gfp() {
    return gfp;
  }

  @Override
  public long line() {
    return source.number();
  }

  @Override
  public List<String> notes() {
    List<String> notes = new ArrayList<>();
    if (!others.isEmpty()) {
      notes.add("events that are no requests and were passed over: " + others);
    }
    if (notRead > 0) {
      notes.add(notRead + " lines are no events and were passed over, the first " + firstNotRead);
    }
    return notes;
  }

  @Override
  public void close() {
    source.close();
  }
}
