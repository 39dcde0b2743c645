// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.text;

import java.util.List;
import java.util.regex.Pattern;

/** Lines as a web page has them: tags of an archive of mails, and characters that it has named. */
public final class WebText {
  private static final Pattern TAG =
      Pattern.compile("</?(?:span|br|p|pre|code|div|tt|font|b|i|a|li)(?: [^>]{0,200})?/?>");

  private static final List<String[]> NAMED =
      List.of(
          new String[] {"&gt;", ">"},
          new String[] {"&lt;", "<"},
          new String[] {"&quot;", "\""},
          new String[] {"&#39;", "'"},
          new String[] {"&nbsp;", " "},
          new String[] {"&amp;", "&"});

  private static final char ESCAPE = '\u001b';

  /** How terminals are told to change colours, and to erase the rest of a line. */
  private static final Pattern COLOUR = Pattern.compile(ESCAPE + "\\[[0-9;]{0,16}[mK]");

  private WebText() {}

  /** The line without tags; itself if no character in it is named as web pages do. */
  public static String plain(String coloured) {
    String line = coloured.indexOf(ESCAPE) < 0 ? coloured : COLOUR.matcher(coloured).replaceAll("");
    if (line.indexOf('&') < 0 || NAMED.stream().noneMatch(named -> line.contains(named[0]))) {
      return line;
    }
    String plain = TAG.matcher(line).replaceAll("");
    for (String[] named : NAMED) {
      plain = plain.replace(named[0], named[1]);
    }
    return plain;
  }
}
