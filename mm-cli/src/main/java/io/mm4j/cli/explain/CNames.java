// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lines of C as they stand on a slide, with numbers of results for names: {@code struct page *p =
 * alloc_pages(GFP_KERNEL, 2)} gives the first result the name p, {@code __free_pages(p, 2)} is
 * {@code __free_pages($1, 2)} then, and {@code p[0] = 7} is {@code write $1+0}.
 */
final class CNames {
  private static final Pattern ASSIGNED =
      Pattern.compile(
          "\\s*(?:(?:const|static|struct|unsigned|signed|void|char|int|long|short|page|kmem_cache|"
              + "u8|u16|u32|u64|size_t|auto)\\b[\\s*]*)*([A-Za-z_]\\w*)\\s*=\\s*"
              + "(?:\\([\\w\\s*]+\\)\\s*)?([A-Za-z_]\\w*\\s*[( ].*)");

  private static final Pattern STORED =
      Pattern.compile("\\s*(?:\\*\\s*([A-Za-z_]\\w*)|([A-Za-z_]\\w*)\\[(\\w+)\\])\\s*=[^=].*");

  private static final Pattern WORD =
      Pattern.compile("(?<![\\w$\\\"\\[])&?([A-Za-z_]\\w*)(?![\\w(])");
  private static final Pattern SUM = Pattern.compile("(\\$\\d+)\\s*\\+\\s*(\\w+)");

  private static final Pattern PRODUCT = Pattern.compile("\\b(\\d{1,9})\\s*\\*\\s*(\\d{1,9})\\b");

  /** What stands around the calls of a program. */
  private static final Pattern AROUND =
      Pattern.compile("\\s*(?:(?:int|void)\\s+main\\s*\\(.*|return\\b.*|[{}\\s]*)");

  private final Map<String, String> names = new HashMap<>();

  /** Whether a line has given a result a name. */
  boolean any() {
    return !names.isEmpty();
  }

  /**
   * A line without its comment, with {@code $N} for names.
   *
   * @param next the number of the result that this line will have
   */
  String plain(String line, int next) {
    String text = line.replaceFirst("(?:^|\\s)(?:#\\s|//).*$", "");
    if (AROUND.matcher(text).matches()) {
      return "";
    }
    text =
        PRODUCT
            .matcher(text)
            .replaceAll(
                product ->
                    Long.toString(
                        Long.parseLong(product.group(1)) * Long.parseLong(product.group(2))));
    Matcher stored = STORED.matcher(text);
    if (stored.matches()) {
      boolean indexed = stored.group(1) == null;
      String result = names.get(indexed ? stored.group(2) : stored.group(1));
      if (result != null) {
        return "write " + result + (indexed ? "+" + stored.group(3) : "");
      }
    }
    Matcher assigned = ASSIGNED.matcher(text);
    if (assigned.matches()) {
      String call = replaced(assigned.group(2));
      names.put(assigned.group(1), "$" + next);
      return call;
    }
    return replaced(text);
  }

  private String replaced(String text) {
    if (names.isEmpty()) {
      return text;
    }
    String plain =
        WORD.matcher(text)
            .replaceAll(
                word -> Matcher.quoteReplacement(names.getOrDefault(word.group(1), word.group())));
    return SUM.matcher(plain).replaceAll("$1+$2");
  }
}
