//===- OutlierReport.cpp - where large activations are -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "OutlierReport.h"

#include "CompiledModelRunner.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Params/SafeTensors.h"
#include "qnt/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using llvm::formatv;

//===----------------------------------------------------------------------===//
// Finding
//===----------------------------------------------------------------------===//

static std::vector<float> load(const params::ParamStore &store,
                               const std::string &name) {
  const params::TensorView &tensor = store.get(name);
  std::vector<float> values(tensor.numElements());
  params::toFloat(tensor, 0, values);
  return values;
}

static SiteOutliers describe(const params::ParamStore &store,
                             const std::string &site) {
  SiteOutliers result;
  result.site = site;
  result.absMax = load(store, "statistics/" + site + "/absmax");
  result.kurtosis = load(store, "statistics/" + site + "/kurtosis");
  std::vector<int64_t> order(result.absMax.size());
  for (auto [i, index] : llvm::enumerate(order))
    index = int64_t(i);
  llvm::stable_sort(order, [&](int64_t a, int64_t b) {
    return result.absMax[a] > result.absMax[b];
  });
  if (order.empty())
    return result;
  result.max = result.absMax[order.front()];
  result.median = result.absMax[order[order.size() / 2]];
  order.resize(std::min<size_t>(order.size(), 3));
  result.largest = std::move(order);
  return result;
}

FailureOr<std::vector<SiteOutliers>>
qnt::findOutliers(ModuleOp module, const CalibrateOptions &options) {
  SmallString<128> folder;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("qnt-outliers", folder))
    return module.emitError("cannot create a temporary folder: ")
           << code.message();
  llvm::scope_exit cleanUp(
      [&] { (void)llvm::sys::fs::remove_directories(folder); });
  CalibrateOptions calibrate = options;
  calibrate.tensors = (folder + "/statistics.safetensors").str();
  PassManager pm(module.getContext());
  buildCanonicalPipeline(pm);
  pm.addPass(
      createCalibrate(calibrate, std::make_shared<CompiledModelRunner>()));
  if (failed(pm.run(module)))
    return failure();
  auto store = params::ParamStore::open(calibrate.tensors);
  std::vector<SiteOutliers> result;
  llvm::StringSet<> seen;
  for (const ActivationSite &site : collectActivationSites(module))
    if (seen.insert(site.name).second)
      result.push_back(describe(*store, site.name));
  return result;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static float getMedian(std::vector<float> values) {
  if (values.empty())
    return 0;
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

static std::string listLargest(const SiteOutliers &site) {
  std::string text;
  for (int64_t channel : site.largest)
    text += formatv("{0}{1}: {2:F2}", text.empty() ? "" : ", ", channel,
                    site.absMax[channel]);
  return text;
}

void qnt::printOutliers(ArrayRef<SiteOutliers> sites, llvm::raw_ostream &os) {
  size_t width = 4;
  for (const SiteOutliers &site : sites)
    width = std::max(width, site.site.size());
  os << llvm::left_justify("site", width)
     << "  channels   max |x|    median     ratio  kurtosis  largest "
        "channels\n";
  for (const SiteOutliers &site : sites)
    os << llvm::left_justify(site.site, width)
       << formatv("  {0,8}{1,10:F2}{2,10:F3}{3,10:F1}{4,10:F1}  {5}\n",
                  site.absMax.size(), site.max, site.median, site.getRatio(),
                  getMedian(site.kurtosis), listLargest(site));
}

//===----------------------------------------------------------------------===//
// The page
//===----------------------------------------------------------------------===//

static std::string escape(StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  llvm::printHTMLEscaped(text, os);
  return result;
}

/// Bars of the channels' maxima, several to a bar where there are more than
/// fit, beside a line at the median.
static void plot(const SiteOutliers &site, llvm::raw_ostream &os) {
  constexpr int64_t width = 800, height = 90;
  int64_t count = site.absMax.size();
  int64_t bars = std::min(count, width);
  double scale = site.max > 0 ? height / double(site.max) : 0;
  os << formatv("<svg viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"maxima "
                "of {2} channels\">",
                width, height + 1, count);
  for (int64_t bar = 0; bar < bars; ++bar) {
    int64_t begin = bar * count / bars, end = (bar + 1) * count / bars;
    int64_t at = std::max_element(site.absMax.begin() + begin,
                                  site.absMax.begin() + end) -
                 site.absMax.begin();
    double tall = site.absMax[at] * scale;
    os << formatv("<rect x=\"{0:F2}\" y=\"{1:F2}\" width=\"{2:F2}\" "
                  "height=\"{3:F2}\"{4}><title>channel {5}: {6:F3}</title>"
                  "</rect>",
                  double(bar) * width / bars, height - tall,
                  double(width) / bars, tall,
                  site.absMax[at] > 10 * site.median ? " class=\"out\"" : "",
                  at, site.absMax[at]);
  }
  os << formatv("<line x1=\"0\" x2=\"{0}\" y1=\"{1:F2}\" y2=\"{1:F2}\"/></svg>",
                width, height - site.median * scale);
}

void qnt::writeOutlierPage(StringRef model, ArrayRef<SiteOutliers> sites,
                           llvm::raw_ostream &os) {
  os << "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n<title>"
     << "Outliers of " << escape(model) << "</title>\n"
     << "<link rel=\"icon\" href=\"data:,\">\n<style>\n"
        "body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; "
        "margin: 2rem auto; padding: 0 1rem; color: #222; }\n"
        "table { border-collapse: collapse; width: 100%; }\n"
        "th, td { text-align: right; padding: .15rem .6rem; border-bottom: "
        "1px solid #ddd; font-variant-numeric: tabular-nums; }\n"
        "th:first-child, td:first-child, td:last-child, th:last-child { "
        "text-align: left; }\n"
        "svg { width: 100%; background: #f7f7f7; }\n"
        "rect { fill: #4a78b0; } rect.out { fill: #c0392b; }\n"
        "line { stroke: #222; stroke-dasharray: 4 4; }\n"
        "h2 { font-size: 1rem; margin: 1.5rem 0 .2rem; }\n"
        "</style>\n<h1>Outliers of "
     << escape(model) << "</h1>\n"
     << "<p>The largest |x| of every channel of what layers take as input. "
        "Ratio: the largest channel over the median one. Kurtosis: of the "
        "median channel, 3 for normal distributions. Channels above ten times "
        "the median are red, the median is dashed.</p>\n"
     << "<table>\n<tr><th>site<th>channels<th>max |x|<th>median<th>ratio<th>"
        "kurtosis<th>largest channels\n";
  for (const auto &[i, site] : llvm::enumerate(sites))
    os << formatv("<tr><td><a href=\"#s{0}\">{1}</a><td>{2}<td>{3:F2}<td>"
                  "{4:F3}<td>{5:F1}<td>{6:F1}<td>{7}\n",
                  i, escape(site.site), site.absMax.size(), site.max,
                  site.median, site.getRatio(), getMedian(site.kurtosis),
                  listLargest(site));
  os << "</table>\n";
  for (const auto &[i, site] : llvm::enumerate(sites)) {
    os << formatv("<h2 id=\"s{0}\">{1}</h2>\n", i, escape(site.site));
    plot(site, os);
    os << "\n";
  }
  os << "</html>\n";
}
