"""Data: task words of other languages by their English equivalents, and frequent words."""

GERMAN = """
convert: konvertier umwandl umwandel wandl wandle umgewandelt
turn: überführ
translate: übersetz uebersetz
fix: beheb reparier korrigier berichtig
bug: fehler bug
fail: schlagen fehlschlag scheiter fehlgeschlag
summarise: zusammenfass fasse zusammengefasst
plot: zeichn plott visualisier diagramm
chart: diagramm grafik
bar: balken säulen
line: liniendiagramm kurve
pie: torten kreisdiagramm
remove: entfern lösch loesch streich
rename: umbenenn benenn umbenannt
add: hinzufüg füge ergänz
check: prüf pruef überprüf kontrollier
validate: validier
split: teil aufteil zerleg spalte
merge: zusammenführ führe vereinig verbind
extract: extrahier auslesen ausles lies
compare: vergleich
count: zähl zaehl
compute: berechn
list: liste auflist
find: finde suche such
describe: beschreib
document: dokument
upgrade: aktualisier
update: aktualisier
install: installier
build: baue bauen erstell
make: erzeug mach
deploy: bereitstell ausliefer
anonymise: anonymisier pseudonymisier
replace: ersetz
sort: sortier
filter: filter
move: verschieb verschiebe
copy: kopier
compress: komprimier packe zippe
archive: archivier
backup: sicher sicherung
resize: verkleiner skalier
download: herunterlad lade
send: send verschick
write: schreib verfass
report: bericht
query: frage abfrag
aggregate: aggregier summier
group: gruppier
clean: bereinig säuber
duplicate: doppelt duplikat dublett
deduplicate: dedupliz
test: test
type: typ
annotate: annotier typannotation typhinweis
hint: typhinweis
file: datei
folder: ordner verzeichnis
table: tabelle
column: spalte
row: zeile
page: seite
image: bild
photo: foto
customer: kund
contact: kontakt
address: adress
invoice: rechnung
receipt: quittung beleg
order: bestellung auftrag aufträg
product: produkt artikel
revenue: umsatz umsätz einnahm erlös
price: preis
month: monat
year: jahr jährlich
week: woche wöchentlich
day: täglich
date: datum aufnahmedatum
number: nummer zahl
total: summe gesamt
average: durchschnitt mittelwert
branch: filial zweigstell
region: region gebiet
error: fehlermeldung
outage: ausfall störung
cause: ursache
timeline: zeitverlauf zeitleiste chronolog
log: protokoll logdatei
checksum: prüfsumm
link: verweis link
broken: kaputt defekt tot
key: schlüssel
change: änder geändert
thumbnail: vorschaubild miniatur
licence: lizenz
dependency: abhängigkeit
database: datenbank
server: server
user: nutzer benutzer
field: feld
empty: leer
heading: überschrift
contents: inhaltsverzeichnis
german: deutsch
french: französisch
english: englisch
spanish: spanisch
function: funktion
mail: mail e-mail
meeting: besprechung sitzung
minute: protokoll
letter: brief
calendar: kalender
version: version
"""

SPANISH = """
convert: conviert convert
transform: transform
translate: traduc traduzc
fix: corrig arregl repar
bug: error fallo
fail: fallan falla
summarise: resum
plot: dibuj grafic gráfic traz
chart: gráfico grafico gráfica
bar: barra
line: línea
pie: pastel
remove: elimin borr quit suprim
rename: renombr
add: añad anad agreg
check: comprueb comprob verific revis
validate: valid
split: divid separ
merge: combin fusion junt
extract: extra extrae extraig
compare: compar
count: cuent contar
compute: calcul
list: enumer lista
find: busc encuentr encontr
describe: describ
document: document
upgrade: actualiz
update: actualiz
install: instal
build: constru
make: crea crear genera
deploy: despleg desplieg
anonymise: anonimiz seudonimiz
replace: sustituy reemplaz
sort: orden
filter: filtr
move: muev mover
copy: copi
compress: comprim
archive: archiv
backup: respald
resize: redimension reduc
download: descarg
send: envi enví
write: escrib redact
report: informe inform reporte
query: consult
aggregate: sum
group: agrup
clean: limpi
duplicate: duplicad
deduplicate: deduplic
test: prueba test
type: tipo
annotate: anotaci
file: archivo fichero
folder: carpeta directorio
table: tabla
column: columna
row: fila
page: página pagina
image: imagen imágenes imagenes
photo: foto
customer: cliente
contact: contacto
address: direcci
invoice: factura
receipt: recibo
order: pedido
product: producto artículo
revenue: ingreso facturaci
sale: venta
price: precio
month: mes mensual
year: año anual
week: semana
day: día dia diari
date: fecha
number: número numero
total: total
average: promedio media
branch: sucursal
region: regi
outage: incidente caída
cause: causa
timeline: cronolog
log: registro log
checksum: suma
link: enlace
broken: roto rota
key: clave
change: cambi
thumbnail: miniatura
licence: licencia
dependency: dependencia
database: base
user: usuario
field: campo
empty: vacío vacio
contents: índice
german: alemán
french: francés
english: inglés
spanish: español
function: funci
mail: correo
meeting: reunión
letter: carta
calendar: calendario
version: versión
"""

FRENCH = """
convert: convert
transform: transform
translate: tradui
fix: corrig répar
bug: bogue bug erreur
fail: échou
summarise: résum
plot: trac dessin
chart: diagramme graphique
bar: barre
line: courbe
remove: supprim enlèv retir
rename: renomm
add: ajout
check: vérifi contrôl
validate: valid
split: découp divis sépar
merge: fusion combin regroup
extract: extrai extrac
compare: compar
count: compt
compute: calcul
list: liste
find: trouv cherch
describe: décri
document: document
upgrade: mets mettre
update: jour
install: install
build: construi
make: crée créer génér
deploy: déploi
anonymise: anonymis pseudonymis
replace: remplac
sort: tri trie
filter: filtr
move: déplac
copy: copi
compress: compress
archive: archiv
backup: sauvegard
resize: redimension rédui
download: télécharg
send: envoi envoy
write: écri rédig
report: rapport
query: interrog requêt
group: group
clean: nettoi
duplicate: doublon
deduplicate: dédoublonn dédupli
test: test
type: type
file: fichier
folder: dossier répertoire
table: tableau table
column: colonne
row: ligne
page: page
image: image
photo: photo
customer: client
contact: contact
address: adresse
invoice: facture
receipt: reçu
order: commande
product: produit
revenue: chiffre revenu recette
turnover: affaires
sale: vente
price: prix
month: mois mensuel
year: année annuel
week: semaine
day: quotidien
date: date
number: numéro nombre
total: total somme
average: moyenne
branch: agence succursale
region: région
outage: panne incident
cause: cause
timeline: chronolog
log: journal journaux
checksum: contrôle
link: lien
broken: cassé mort
key: clé
change: modifi chang
thumbnail: vignette miniature
licence: licence
dependency: dépendance
database: base
user: utilisateur
field: champ
empty: vide
contents: matières
german: allemand
french: français
english: anglais
spanish: espagnol
function: fonction
mail: courriel mail
meeting: réunion
letter: lettre
calendar: calendrier
version: version
"""

CHINESE = """
convert: 转换 转成 转为 变成 转化
translate: 翻译 译成
fix: 修复 修正 改正 纠正
bug: 错误 缺陷
fail: 失败
summarise: 总结 概括 摘要 汇总
plot: 画出 绘制 画一 作图 可视化
chart: 图表 柱状图 折线图 饼图 直方图
bar: 柱状图 条形图
line: 折线图
pie: 饼图
remove: 删除 去除 去掉 移除
rename: 重命名 改名
add: 添加 加上 增加 新增
check: 检查 检测
validate: 验证 校验
split: 拆分 分割 分成
merge: 合并 整合
extract: 提取 抽取
compare: 比较 对比
count: 统计 计数
compute: 计算
list: 列出
find: 找出 查找 寻找
describe: 描述
upgrade: 升级
update: 更新
install: 安装
build: 构建
make: 生成 制作 创建
deploy: 部署
anonymise: 匿名 脱敏
replace: 替换
sort: 排序
filter: 过滤 筛选
move: 移动
copy: 复制
compress: 压缩
archive: 归档
backup: 备份
resize: 缩放 缩小
download: 下载
send: 发送
write: 写入 撰写 编写
report: 报告
query: 查询
group: 分组
clean: 清理 清洗
duplicate: 重复
deduplicate: 去重
test: 测试
type: 类型
annotate: 注解
file: 文件
folder: 文件夹 目录
table: 表格 目录
column: 列
page: 页面
image: 图片 图像
photo: 照片
customer: 客户 顾客
contact: 联系人
address: 地址
invoice: 发票
receipt: 收据
order: 订单
product: 产品 商品
revenue: 收入 营收 销售额
sale: 销售
price: 价格
month: 每月 月度 月份
year: 每年 年度
week: 每周
day: 每天
date: 日期
number: 编号 数字
total: 总额 总计 总和
average: 平均
branch: 分店 分公司
region: 地区 区域
outage: 故障 宕机 事故
cause: 原因
timeline: 时间线
log: 日志
checksum: 校验和
link: 链接
broken: 失效
key: 键
change: 修改 更改
thumbnail: 缩略图
licence: 许可证
dependency: 依赖
database: 数据库
user: 用户
field: 字段
empty: 空
contents: 目录
german: 德语 德文
french: 法语 法文
english: 英语 英文
spanish: 西班牙语
chinese: 中文
function: 函数
mail: 邮件 邮箱
meeting: 会议
minute: 纪要
version: 版本
commit: 提交
postmortem: 复盘
request: 请求
container: 容器 镜像
"""

GERMAN_FREQUENT = """
der die das den dem des ein eine einen einem einer eines und oder mit ohne für von vom zu zum zur
aus auf im als nach bei bis über unter durch alle aller allen allem jede jeden jeder jedes
soll sollen ist sind wird werden sie es wir ich mir uns unser unsere unseren nicht auch dass damit
dann dort diese dieser dieses diesem bitte pro wie was welche welcher anhand seit um ab
"""

SPANISH_FREQUENT = """
el la los las un una unos unas y o con sin para por de del al en que se su sus lo como cada todos
todas todo toda según desde entre sobre este esta estos estas nuestro nuestra por favor es son más
cuáles cuál qué solo
"""

FRENCH_FREQUENT = """
le la les un une des du de et ou avec sans pour par dans en sur à au aux que qui se ce cette ces son
sa ses leur leurs notre nos chaque tous toutes tout toute selon depuis entre est sont plus qu
doit doivent ne pas il elle y
"""

ENGLISH_FREQUENT = """
a an the of and to in is for with that on are this be from by it as at or all into each which should
have has not its my our your you we them they every make after so no was
"""
