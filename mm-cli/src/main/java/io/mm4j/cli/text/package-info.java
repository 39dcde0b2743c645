// SPDX-License-Identifier: Apache-2.0

/** How data looks: JSON, CSV, tables, charts, progress. Knows nothing of memory management. */
@NullMarked
package io.mm4j.cli.text;

import org.jspecify.annotations.NullMarked;
